"""A task is one form: switches, wording as rows, versions that never change, who did what."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from chat import labels
from inference import presets
from inference.models import Calibration, Task, TaskVersion
from tests.chat.desk import staff
from tests.chat.task_form import LABELS, filled_in

pytestmark = pytest.mark.django_db
ADD = reverse("admin:inference_task_add")


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


@pytest.fixture
def task():
    return Task.objects.get(slug="sentiment")


def address(task) -> str:
    return reverse("admin:inference_task_change", args=[task.pk])


def save(client, task, *args, **fields):
    response = client.post(address(task), filled_in(task, *args, **fields), follow=True)
    task.refresh_from_db()
    return response.content.decode()


def add(client, *args, **fields):
    written = {"name": "Angry?", "slug": "angry", "threshold": "0.7", **fields}
    return client.post(ADD, filled_in(None, *args, **written), follow=True).content.decode()


class TestAddingATask:
    def test_is_one_form_and_the_next_message_is_read_with_it(self, lead):
        add(lead, enabled="on")
        run = next(run for run in labels.enabled_tasks() if run.task.slug == "angry")
        assert (run.version.number, run.version.prompt) == (1, "Good or bad?")
        assert run.version.labels == LABELS
        assert run.task.threshold == 0.7

    def test_leaves_it_off_until_somebody_switches_it_on(self, lead):
        assert lead.get(ADD).context["adminform"].form["enabled"].value() is False
        add(lead)
        assert not Task.objects.get(slug="angry").enabled

    def test_without_a_prompt_or_labels_adds_nothing(self, lead):
        page = add(lead, [{}, {}], prompt=" ")
        assert "This field is required" in page
        assert "at least two labels" in page
        assert not Task.objects.filter(slug="angry").exists()

    def test_under_the_name_of_the_reply_itself_is_refused_in_words(self, lead):
        page = add(lead, name="Reply", slug="reply", enabled="on")
        assert "the reply itself has this name" in page
        assert not Task.objects.filter(slug="reply").exists()


class TestSwitches:
    def test_are_changed_without_a_new_version(self, lead, task):
        save(lead, task, enabled=None, threshold="0.8")
        assert (task.enabled, task.threshold, task.current.number) == (False, 0.8, 1)

    @pytest.mark.parametrize("threshold", ["1.1", "-0.1", "nan", "inf", "", "high"])
    def test_refuse_a_threshold_that_is_no_probability(self, lead, task, threshold):
        save(lead, task, threshold=threshold)
        assert task.threshold == 0.6

    def test_archive_a_task_and_bring_it_back(self, lead, task):
        save(lead, task, archive="on")
        assert task.archived is not None
        assert task not in Task.objects.enabled()
        save(lead, task, archive=None)
        assert task.archived is None

    def test_can_be_changed_while_the_model_cannot_be_read(self, lead, task, settings):
        settings.INFERENCE_MODEL = "/nowhere/at/all"
        save(lead, task, enabled=None)
        assert not task.enabled


class TestExamplesAndTheReply:
    def test_are_switches_that_make_no_version(self, lead, task):
        save(lead, task, few_shot="on", examples="6", guides_reply="on")
        assert (task.few_shot, task.examples, task.guides_reply) == (True, 6, True)
        assert task.current.number == 1
        page = lead.get(address(task)).content.decode()
        assert "few_shot: off → on; examples: 4 → 6; guides_reply: off → on" in page

    @pytest.mark.parametrize("examples", ["0", "9", "", "many"])
    def test_refuse_a_number_of_examples_that_is_not_allowed(self, lead, task, examples):
        save(lead, task, examples=examples)
        assert task.examples == 4

    def test_refuse_examples_for_a_task_that_reads_conversations(self, lead, task):
        page = save(lead, task, few_shot="on", context="conversation")
        assert "is shown no examples" in page
        assert (task.few_shot, task.current.number) == (False, 1)

    def test_keep_what_a_label_tells_the_reply_with_the_version(self, lead, task):
        rows = [{**LABELS[0]}, {**LABELS[1], "guidance": " Say sorry\n first. "}]
        save(lead, task, rows)
        assert [task.current.guidance(name) for name in task.current.names] == [
            "",
            "Say sorry first.",
        ]
        assert "guidance" not in task.current.labels[0]
        version = reverse("admin:inference_taskversion_change", args=[task.current.pk])
        assert "tells the reply: Say sorry first." in lead.get(version).content.decode()

    def test_refuse_an_instruction_that_is_too_long(self, lead, task):
        page = save(lead, task, [LABELS[0], {**LABELS[1], "guidance": "x" * 301}])
        assert "The instruction of Bad is a text of at most 300 characters" in page
        assert task.current.number == 1

    def test_show_the_instructions_that_ship(self, lead, task):
        assert presets.UPSET_GUIDANCE in lead.get(address(task)).content.decode()


class TestAWording:
    def test_is_published_as_the_next_version_when_it_changed(self, lead, task):
        first = task.current
        page = save(lead, task, LABELS, prompt="Good or bad?")
        assert "Version 2 is published" in page
        assert (task.current.number, task.current.names) == (2, ("Good", "Bad"))
        assert TaskVersion.objects.get(pk=first.pk).prompt == first.prompt

    def test_keeps_the_order_of_its_rows(self, lead, task):
        save(lead, task, task.current.labels[::-1])
        assert task.current.names == ("Negative", "Neutral", "Positive")

    def test_may_have_rows_left_blank(self, lead, task):
        save(lead, task, [LABELS[0], {}, LABELS[1], {}])
        assert task.current.names == ("Good", "Bad")

    def test_with_lines_is_the_same_whatever_ends_them(self, lead, task):
        save(lead, task, prompt="One\r\nTwo")
        save(lead, task, prompt="One\r\nTwo")
        assert (task.current.number, task.current.prompt) == (2, "One\nTwo")

    @pytest.mark.parametrize(
        ("rows", "problem"),
        [
            ([LABELS[0]], "at least two labels"),
            ([LABELS[0], {"description": "Nameless"}], "needs a name"),
            ([LABELS[0], {"name": "good "}], "same name"),
            ([LABELS[0], {"name": "Ｇood"}], "same name"),
            ([LABELS[0], {"name": "B", "polarity": 2}], "must be -1, 0 or 1"),
            ([LABELS[0], {"name": "B", "polarity": "x"}], "must be -1, 0 or 1"),
            ([LABELS[0], {"name": "B", "flags": ["shout"]}], "may only hold"),
            ([LABELS[0], {"name": "B" * 41}], "at most 40 characters"),
        ],
    )
    def test_is_refused_with_labels_that_make_no_sense(self, lead, task, rows, problem):
        assert problem in save(lead, task, rows)
        assert task.versions.count() == 1

    def test_is_refused_when_it_fills_the_context(self, lead, task, settings):
        settings.INFERENCE_CONTEXT, settings.INFERENCE_MAX_NEW_TOKENS = 64, 8
        page = save(lead, task, prompt="Which mood is it? " * 20)
        assert "(INFERENCE_CONTEXT)" in page
        assert task.current.number == 1

    def test_is_refused_when_somebody_published_meanwhile(self, lead, task):
        seen = task.current.number
        save(lead, task, prompt="Mine?")
        page = save(lead, task, prompt="Yours?", based_on=seen)
        assert "Version 2 was published meanwhile" in page
        assert task.current.prompt == "Mine?"

    def test_is_refused_while_the_model_cannot_be_read(self, lead, task, settings):
        settings.INFERENCE_MODEL = "/nowhere/at/all"
        assert "INFERENCE_MODEL=/nowhere/at/all" in save(lead, task, prompt="What mood?")
        assert task.current.number == 1

    def test_comes_back_as_it_was_typed_when_it_is_refused(self, lead, task):
        page = save(lead, task, [{"name": "Furious", "polarity": -1, "flags": ["review"]}])
        assert 'value="Furious"' in page


class TestThePage:
    def test_tells_who_changed_what_from_what_to_what(self, lead, task):
        save(lead, task, LABELS, threshold="0.8")
        page = lead.get(address(task)).content.decode()
        assert "<strong>lead</strong>" in page
        assert "threshold: 0.6 → 0.8; published version 2" in page
        assert LogEntry.objects.get().user.username == "lead"

    def test_shows_versions_and_their_calibrations(self, lead, task):
        task.current.calibrations.create(
            model_id="tiny@1/float32", scale=1.5, source=Calibration.Source.FITTED
        )
        page = lead.get(address(task)).content.decode()
        assert "sentiment v1" in page
        assert "tiny@1/float32: fitted on labelled messages, scale 1.50" in page

    def test_can_be_read_by_who_may_only_look(self, client, task):
        reader = staff(None)
        reader.user_permissions.add(*_permissions("view_task", "view_taskversion"))
        client.force_login(reader)
        page = client.get(address(task))
        assert page.status_code == 200
        assert b'name="prompt"' not in page.content
        assert client.post(address(task), filled_in(task)).status_code == 403

    def test_versions_have_a_page_and_cannot_be_changed(self, lead, task):
        version = reverse("admin:inference_taskversion_change", args=[task.current.pk])
        assert "Anger, disappointment" in lead.get(version).content.decode()
        assert lead.post(version, {}).status_code == 403


def _permissions(*codenames):
    return Permission.objects.filter(codename__in=codenames)
