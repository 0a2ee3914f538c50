"""The try-it panel reads messages with a draft or a stored version, and stores nothing."""

import pytest
from django.test import Client
from django.urls import reverse

from chat import labels, reply_trial, trial
from chat.models import Classification
from inference import resident
from inference.models import Calibration, Task
from tests.chat.desk import conversation, says, staff
from tests.chat.task_form import LABELS, filled_in
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)
TALK = "Where is your parcel?"


def by_words(part) -> str:
    return "Bad" if "awful" in part.messages[-1].content else "Good"


@pytest.fixture
def engine():
    engine = ScriptedEngine(label=by_words)
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


@pytest.fixture
def task():
    return Task.objects.get(slug="sentiment")


def attempt(client, task=None, labels=LABELS, **fields):
    """Press "Try" with the form filled in; `try_texts="..."` fills the panel's own field."""
    name, args = ("inference_task_try", [task.pk]) if task else ("inference_task_try_new", [])
    panel = {key.replace("_", "-", 1): value for key, value in fields.items() if "try_" in key}
    written = {key: value for key, value in fields.items() if "try_" not in key}
    address = reverse(f"admin:{name}", args=args)
    return client.post(address, {**filled_in(task, labels, **written), **panel})


class TestADraft:
    def test_is_tried_on_pasted_messages_one_a_line(self, lead, engine, task):
        page = attempt(lead, task, try_texts="What an awful day\n\n  Lovely  \n")
        assert page.status_code == 200
        assert [part.messages[-1].content for part in asked(engine)] == [
            "What an awful day",
            "Lovely",
        ]
        assert page.content.decode().count("90%") == 2

    def test_is_read_as_written_not_as_published(self, lead, engine, task):
        attempt(lead, task, prompt="A new prompt?", try_texts="Hello")
        (part,) = asked(engine)
        assert part.messages[0].content == "A new prompt?"
        assert part.labels == ("Good", "Bad")

    def test_needs_no_task_yet(self, lead, engine):
        assert attempt(lead, try_texts="Hello").status_code == 200

    def test_is_measured_on_empty_messages_as_a_version_would_be(self, lead, engine, task):
        engine.calibrations = {}
        page = attempt(lead, task, try_texts="Hello").content.decode()
        assert "measured on empty messages" in page
        assert len(asked(engine)) == 4
        assert "50%" in page  # levelled: this engine prefers Good whatever it reads

    def test_leaves_nothing_behind(self, lead, engine, task):
        engine.calibrations = {}
        attempt(lead, task, try_texts="Hello")
        assert not Classification.objects.exists()
        assert not Calibration.objects.exists()
        assert task.versions.count() == 1

    def test_with_mistakes_is_not_asked_about(self, lead, engine, task):
        page = attempt(lead, task, LABELS[:1], prompt="", try_texts="Hello")
        assert page.status_code == 400
        assert "Prompt: This field is required" in page.content.decode()
        assert "at least two labels" in page.content.decode()
        assert not asked(engine)


class TestAStoredVersion:
    def test_is_tried_whatever_the_form_holds(self, lead, engine, task):
        attempt(lead, task, [], prompt="", try_version=task.current.pk, try_texts="Hello")
        assert asked(engine)[0].labels == task.current.names

    def test_keeps_its_own_calibration(self, lead, engine, task):
        task.current.calibrations.create(
            model_id=engine.model_id, bias={"Negative": 9}, source=Calibration.Source.FITTED
        )
        page = attempt(lead, task, try_version=task.current.pk, try_texts="Hello").content.decode()
        assert "<strong>Negative</strong>" in page

    def test_of_another_task_is_refused(self, lead, engine, task):
        other = Task.objects.get(slug="urgency").current
        page = attempt(lead, task, try_version=other.pk, try_texts="Hello")
        assert page.status_code == 400


class TestMessages:
    def test_are_the_newest_that_visitors_wrote(self, lead, engine, task):
        talk = conversation()
        for text in ("One", "Two", "Three"):
            says(talk, text, "Neutral")
        attempt(lead, task, try_last="2")
        assert [part.messages[-1].content for part in asked(engine)] == ["Three", "Two"]

    def test_stand_in_their_conversation_where_the_task_asks_for_it(self, lead, engine, task):
        talk = conversation()
        says(talk, "One", "Neutral")
        says(talk, "Two", "Neutral")
        attempt(lead, task, context="conversation", prompt="Good?", try_last="1")
        said = [message.content for message in asked(engine)[0].messages[1:]]
        assert said == ["One", "I am sorry to hear that.", "Two", "Good?"]

    @pytest.mark.parametrize(
        ("panel", "problem"),
        [
            ({}, "Paste messages, or say how many"),
            ({"try_texts": "Hello", "try_last": "3"}, "Paste messages, or say how many"),
            ({"try_last": "0"}, "greater than or equal to 1"),
            ({"try_last": "51"}, "less than or equal to 50"),
            ({"try_texts": "Hello\n" * 51}, "At most 50 messages"),
            ({"try_texts": "x" * 2001}, "at most 2000 characters"),
        ],
    )
    def test_are_limited(self, lead, engine, task, panel, problem):
        page = attempt(lead, task, **panel)
        assert page.status_code == 400
        assert problem in page.content.decode()

    def test_are_escaped(self, lead, engine, task):
        page = attempt(lead, task, try_texts="<script>alert(1)</script>").content.decode()
        assert "<script>" not in page


class TestReplies:
    @pytest.fixture
    def guided(self, task):
        """The mood in two labels, the second of which tells the reply something."""
        return [LABELS[0], {**LABELS[1], "guidance": "Say sorry first."}]

    @pytest.fixture
    def talking(self, engine):
        engine._reply = lambda reply: f"Sorry! {TALK}" if reply.guidance else TALK
        return engine

    def test_are_written_with_and_without_what_the_label_tells_them(
        self, lead, talking, task, guided
    ):
        page = attempt(lead, task, guided, try_texts="What an awful day", try_replies="on")
        said = page.content.decode()
        assert f"Sorry! {TALK}" in said
        assert "Told: Say sorry first." in said
        assert said.count("First token after") == 2
        assert [reply.greedy for reply in replies_asked(talking)] == [True, True]
        assert "with their conversation known already" in said

    def test_are_the_same_where_the_label_tells_nothing(self, lead, talking, task, guided):
        page = attempt(lead, task, guided, try_texts="Lovely", try_replies="on").content.decode()
        assert "this label tells the reply nothing" in page
        assert len(replies_asked(talking)) == 1

    def test_are_not_written_unless_asked_for(self, lead, talking, task, guided):
        attempt(lead, task, guided, try_texts="What an awful day")
        assert not replies_asked(talking)

    def test_are_written_for_the_first_messages_only(self, lead, talking, task):
        attempt(lead, task, try_texts="Lovely\n" * 5, try_replies="on")
        assert len(replies_asked(talking)) == reply_trial.MOST

    def test_that_fail_say_so(self, lead, talking, task):
        submit = talking.submit

        def failing(request, *args, **kwargs):
            ticket = submit(request, *args, **kwargs)
            if request.reply:
                talking.fail(ticket, message="NaN logits")
            return ticket

        talking._reply, talking.submit = None, failing
        page = attempt(lead, task, try_texts="Lovely", try_replies="on").content.decode()
        assert "Failed: NaN logits" in page


class TestExamples:
    def test_are_shown_with_a_message_as_the_form_says_and_counted(self, lead, engine, task):
        row = says(conversation(), "An awful day", "Negative")
        labels.review(row, staff("reviewer"), "confirmed")
        written = {"few_shot": "on", "try_texts": "Such an awful day"}
        page = attempt(lead, task, task.current.labels, **written).content.decode()
        assert "1 example" in page
        assert [message.content for message in asked(engine)[0].messages[1:]] == [
            "An awful day",
            "Negative",
            "Such an awful day",
        ]


class TestAnEngineThatCannot:
    def test_loads_still(self, lead, engine, task):
        engine.state, engine.progress = "loading", 0.4
        page = attempt(lead, task, try_texts="Hello")
        assert page.status_code == 503
        assert "still loading (40%)" in page.content.decode()

    def test_did_not_load(self, lead, engine, task):
        engine.become_failed("INFERENCE_MODEL=x does not exist.")
        page = attempt(lead, task, try_texts="Hello").content.decode()
        assert "could not be loaded: INFERENCE_MODEL=x" in page

    def test_is_full(self, lead, engine, task):
        engine._max_waiting = 0
        assert "busy" in attempt(lead, task, try_texts="Hello").content.decode()

    def test_fails_on_a_message_and_says_so_beside_it(self, lead, engine, task):
        engine._label = None
        submit = engine.submit

        def failing(*args, **kwargs):
            engine.fail(ticket := submit(*args, **kwargs), task.slug, "NaN logits")
            return ticket

        engine.submit = failing
        assert "Failed: NaN logits" in attempt(lead, task, try_texts="Hello").content.decode()

    def test_does_not_answer_in_time_and_is_cancelled(self, lead, engine, task, monkeypatch):
        monkeypatch.setattr(trial, "SECONDS", 0.05)
        engine._label = None
        page = attempt(lead, task, try_texts="Hello\nWorld").content.decode()
        assert "2 had no answer in time" in page
        assert engine.open_parts() == []


class TestWhoMayTry:
    @pytest.mark.parametrize("role", ["agent", "reviewer", None])
    def test_nobody_but_those_who_change_tasks(self, client, engine, task, role):
        client.force_login(staff(role))
        assert attempt(client, task, try_texts="Hello").status_code == 403
        assert not asked(engine)

    def test_no_other_site(self, engine, task):
        client = Client(enforce_csrf_checks=True)
        client.force_login(staff("lead"))
        assert attempt(client, task, try_texts="Hello").status_code == 403
        assert not asked(engine)

    def test_no_stranger(self, client, engine, task):
        assert attempt(client, task, try_texts="Hello").status_code == 403

    def test_the_panel_stands_on_both_pages(self, lead, task):
        for address in (
            reverse("admin:inference_task_add"),
            reverse("admin:inference_task_change", args=[task.pk]),
        ):
            assert 'name="try-texts"' in lead.get(address).content.decode()

    def test_nothing_is_tried_by_looking(self, lead, task):
        assert lead.get(reverse("admin:inference_task_try", args=[task.pk])).status_code == 405


def replies_asked(engine) -> list:
    """But for those of one token, which only make the conversation known."""
    replies = [request.reply for request in engine.requests.values() if request.reply]
    return [reply for reply in replies if reply.max_new_tokens > 1]


def asked(engine) -> list:
    return [part for request in engine.requests.values() for part in request.classify]
