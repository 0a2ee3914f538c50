"""A task that writes JSON: stored once with its message, or with the reason why it is not valid."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from chat import backfill, extractions, labels, turns
from chat.models import Classification, Extraction
from inference import presets, resident
from inference.models import Calibration, Task
from tests.chat.desk import WRITTEN, conversation, says, staff, writes
from tests.inference.scripted import ScriptedEngine


def details(**switches) -> Task:
    task = Task.objects.get(slug="details")
    for name, value in switches.items():
        setattr(task, name, value)
    task.save()
    return task


@pytest.mark.django_db
class TestARecord:
    @pytest.fixture
    def message(self):
        return says(conversation(), "Give me my 20 € back", "Negative").message

    def test_keeps_what_follows_the_schema(self, message):
        row = writes(message)
        row.refresh_from_db()
        assert (row.data, row.text, row.problem) == (json.loads(WRITTEN), WRITTEN, "")
        assert row.pairs == [("order", "A-17"), ("amount", "20 €"), ("action", "refund")]

    def test_says_why_there_is_none(self, message):
        row = writes(message, '{"order": "A', complete=False)
        row.refresh_from_db()
        assert (row.data, row.problem, str(row)) == (
            None,
            "It was cut at 20 tokens.",
            "It was cut at 20 tokens.",
        )

    def test_is_made_once_by_a_version_on_a_model(self, message):
        assert writes(message).pk == writes(message, "{}").pk

    def test_changes_no_label_and_no_flag(self, message):
        writes(message)
        assert Classification.objects.count() == 1

    def test_stands_until_another_version_writes_anew(self, message):
        first, task = writes(message), details()
        task.publish(prompt="Which?", context="message", schema=presets.DETAILS_TASK.schema)
        second = writes(message)
        assert extractions.standing([first, second]) == [second]

    def test_counts_as_read_where_lost_messages_are_looked_for(self, message):
        Classification.objects.all().delete()
        assert labels.unlabelled(timedelta(0)) == [message]
        writes(message)
        assert labels.unlabelled(timedelta(0)) == []


@pytest.mark.django_db(transaction=True)
async def test_a_message_carries_it_from_the_next_turn_on(visit, engine, conversation):
    await turns.in_thread(details)(enabled=True)
    engine._json = WRITTEN
    visitor = await visit()
    await visitor.say("Give me my 20 € back, order A-17")
    await visitor.receive("done")
    for task in list(turns._running.values()):
        await task
    row = await turns.in_thread(Extraction.objects.select_related("message").get)()
    assert row.message.text == "Give me my 20 € back, order A-17"
    assert row.data["action"] == "refund"
    (request,) = [each for each in engine.requests.values() if each.reply]
    assert request.extract[0].schema == presets.DETAILS_TASK.schema
    assert await Calibration.objects.filter(version__task__slug="details").acount() == 0


@pytest.mark.django_db
class TestABackfill:
    @pytest.fixture
    def engine(self):
        engine = ScriptedEngine(json=WRITTEN)
        before = resident.install(engine)
        yield engine
        resident.install(before)

    def test_writes_about_every_stored_message_once(self, engine):
        talk = conversation()
        for number in range(3):
            says(talk, f"Message {number}", "Neutral")
        row = backfill.work(backfill.begin(details()), engine)
        assert (row.state, row.labelled, row.failed) == ("done", 3, 0)
        assert Extraction.objects.count() == 3
        assert backfill.begin(details()).total == 0


@pytest.mark.django_db
class TestThePages:
    @pytest.fixture
    def agent(self, client):
        client.force_login(staff("agent"))
        return client

    @pytest.fixture
    def rows(self):
        talk = conversation(name="Anna")
        texts = (WRITTEN, WRITTEN.replace("refund", "track").replace("A-17", "B-2"), "{")
        return [
            writes(says(talk, f"Message {n}", "Neutral").message, text, complete=text != "{")
            for n, text in enumerate(texts)
        ]

    def found(self, agent, **query) -> list[str]:
        page = agent.get(reverse("admin:chat_extraction_changelist"), query)
        return sorted(row.message.text for row in page.context["cl"].result_list)

    def test_the_list_is_narrowed_by_the_words_of_the_schema(self, agent, rows):
        assert self.found(agent, value="action=refund") == ["Message 0"]
        assert self.found(agent, value="action=exchange") == []
        assert self.found(agent, value="order__contains=A") == [f"Message {n}" for n in range(3)]

    def test_the_list_is_narrowed_by_task_and_by_result(self, agent, rows):
        assert len(self.found(agent, task="details")) == 3
        assert self.found(agent, result="problem") == ["Message 2"]
        assert self.found(agent, result="valid") == ["Message 0", "Message 1"]

    def test_the_list_is_searched_for_what_was_written(self, agent, rows):
        assert self.found(agent, q="B-2") == ["Message 1"]

    def test_one_of_them_is_read_in_full_and_changed_by_nobody(self, agent, rows):
        address = reverse("admin:chat_extraction_change", args=[rows[0].pk])
        page = agent.get(address).content.decode()
        assert "order A-17, amount 20 €, action refund" in page
        assert agent.post(address, {}).status_code == 403

    def test_the_conversation_shows_them_in_the_admin_and_on_its_page(self, agent, rows):
        talk = rows[0].message.conversation
        for name in ("admin:chat_conversation_change", "analytics:conversation"):
            page = agent.get(reverse(name, args=[talk.pk])).content.decode()
            assert "order A-17, amount 20 €, action refund" in page, name
            assert "It was cut at 20 tokens." in page, name

    def test_the_review_page_shows_them_around_the_message(self, agent, rows):
        row = Classification.objects.first()
        page = agent.get(reverse("admin:chat_classification_change", args=[row.pk]))
        assert "order B-2" in page.content.decode()
