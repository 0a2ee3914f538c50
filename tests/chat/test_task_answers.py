"""What a task may answer: labels, labels behind a thought, or JSON. From the form to the desk."""

import pytest
from django.urls import reverse

from chat import labels, trial
from chat.evaluation.subject import SubjectError, task_run
from chat.models import Classification
from inference import calibration, presets, resident
from inference.models import Calibration, Task
from tests.chat.desk import MODEL, conversation, reads, says, staff
from tests.chat.task_form import LABELS
from tests.chat.test_task_admin import save
from tests.chat.test_trial import attempt, by_words
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)
SCHEMA = '{"type": "object",\n "properties": {"order": {"type": "string"}}}'
WRITTEN = '{"order": "A-17"}'


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


@pytest.fixture
def task():
    return Task.objects.get(slug="urgency")


@pytest.fixture
def engine():
    engine = ScriptedEngine(label=by_words, json=WRITTEN)
    before = resident.install(engine)
    yield engine
    resident.install(before)


class TestTheForm:
    def test_publishes_a_schema_as_it_was_typed(self, lead, task):
        save(lead, task, [], schema=SCHEMA.replace("\n", "\r\n"), answer_tokens="40")
        version = task.current
        assert (version.schema, version.answer_tokens, version.names) == (SCHEMA, 40, ())

    def test_publishes_nothing_new_when_it_is_sent_again(self, lead, task):
        for _ in range(2):
            save(lead, task, [], schema=SCHEMA)
        assert task.current.number == 2

    def test_publishes_how_long_the_model_may_think(self, lead, task):
        save(lead, task, reasoning="30")
        assert (task.current.number, task.current.reasoning) == (2, 30)

    @pytest.mark.parametrize(
        ("rows", "fields", "problem"),
        [
            ([], {"schema": '{"type": "object",'}, "This is no JSON: Expecting"),
            ([], {"schema": '{"type": "list"}'}, "A schema must begin as"),
            ([], {"schema": SCHEMA.replace('"string"', '"text"')}, "At properties.order.type"),
            ([], {"schema": SCHEMA.replace('"type": "string"', '"not": {}')}, "Allowed are type"),
            (LABELS, {"schema": SCHEMA}, "JSON has no labels"),
            ([], {"schema": SCHEMA, "reasoning": "9"}, "without a thought"),
            ([], {"schema": SCHEMA, "answer_tokens": "0"}, "greater than or equal to 1"),
            ([], {"schema": SCHEMA, "answer_tokens": "9999"}, "less than or equal to 1024"),
            (LABELS, {"reasoning": "513"}, "less than or equal to 512"),
            (LABELS, {"reasoning": "-1"}, "greater than or equal to 0"),
            (LABELS, {"reasoning": "long"}, "whole number"),
            ([], {}, "at least two labels"),
        ],
    )
    def test_refuses_what_makes_no_sense_and_names_it(self, lead, task, rows, fields, problem):
        assert problem in save(lead, task, rows, **fields)
        assert task.current.number == 1

    def test_counts_thoughts_and_json_as_a_part_of_the_context(self, lead, task, settings):
        settings.INFERENCE_CONTEXT = 256
        settings.INFERENCE_MAX_NEW_TOKENS = 100
        assert "(INFERENCE_CONTEXT)" in save(lead, task, reasoning="250")
        assert "(INFERENCE_CONTEXT)" in save(lead, task, [], schema=SCHEMA, answer_tokens="250")

    def test_shows_what_a_version_answers(self, lead, task):
        save(lead, task, [], schema=SCHEMA)
        page = lead.get(reverse("admin:inference_task_change", args=[task.pk])).content.decode()
        assert "JSON: order" in page
        versions = lead.get(reverse("admin:inference_taskversion_changelist")).content.decode()
        assert "JSON: order" in versions


class TestTheTrial:
    def test_shows_the_json_of_a_draft_and_what_it_cost(self, lead, engine, task):
        page = attempt(lead, task, [], schema=SCHEMA, try_texts="Where is A-17?").content.decode()
        assert '<th scope="col">order</th>' in page
        assert "A-17</td>" in page
        assert "2 tokens a message" in page
        assert "Calibration" not in page

    def test_shows_why_json_is_not_valid(self, lead, engine, task):
        engine._json = '{"order": 17}'
        page = attempt(lead, task, [], schema=SCHEMA, try_texts="Hello").content.decode()
        assert "does not follow the schema at order" in page
        assert "{&quot;order&quot;: 17}" in page

    def test_shows_a_thought_and_what_it_cost(self, lead, engine, task):
        page = attempt(lead, task, reasoning="9", try_texts="Hello").content.decode()
        assert "It reads so." in page
        assert "4 tokens, 1 ms of it before the label" in " ".join(page.split())
        assert "Thinking takes 4 tokens" in page
        parts = [part for each in engine.requests.values() for part in each.classify]
        assert {part.think for part in parts} == {9}

    def test_refuses_a_schema_that_makes_no_sense(self, lead, engine, task):
        page = attempt(lead, task, [], schema="{}", try_texts="Hello")
        assert page.status_code == 400
        assert "Schema: A schema must begin as" in page.content.decode()

    async def test_keeps_nothing_of_a_thought_for_the_same_words(self, engine, task):
        version = await publish(task, reasoning=9)
        run = labels.TaskRun(task, version)
        subjects = [trial.Subject("Hello", ())] * 2
        report = await trial.run(run, subjects)
        assert [each.cached for each in report.trials] == [False, False]
        assert await Classification.objects.acount() == 0


async def publish(task, **fields):
    return await trial.in_thread(task.publish)(
        prompt="How urgent?", context="message", labels=LABELS, **fields
    )


class TestAThought:
    def test_stays_with_its_row_and_is_shown_to_reviewers(self, lead, task):
        version = task.publish(prompt="?", context="message", labels=LABELS, reasoning=9)
        message = says(conversation(), "Hello", "Neutral").message
        row = reads(message, version, "Bad", thought="It <b>sounds</b> urgent.")
        row.refresh_from_db()
        assert (row.thought, row.thought_tokens) == ("It <b>sounds</b> urgent.", 7)
        page = lead.get(reverse("admin:chat_classification_change", args=[row.pk]))
        assert "It &lt;b&gt;sounds&lt;/b&gt; urgent." in page.content.decode()
        assert "(7 tokens)" in page.content.decode()

    def test_is_not_mentioned_where_there_is_none(self, lead):
        row = says(conversation(), "Hello", "Neutral")
        page = lead.get(reverse("admin:chat_classification_change", args=[row.pk]))
        assert "What it thought" not in page.content.decode()

    def test_has_a_calibration_of_its_own(self, engine, task):
        preset = presets.URGENCY
        version = task.publish(
            prompt=preset.prompt, context="message", labels=list(preset.labels), reasoning=9
        )
        assert calibration.for_version(engine, version).source == Calibration.Source.CONTENT_FREE
        assert {part.think for each in engine.requests.values() for part in each.classify} == {9}
        assert version.calibration_for(MODEL) is not None


def test_json_is_not_judged_by_labels():
    with pytest.raises(SubjectError, match="writes JSON"):
        task_run("details")
