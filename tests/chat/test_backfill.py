"""Stored messages are read with a task's current version: all of them, once, and resumably."""

import io
import json
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from chat import backfill
from chat.admin import backfills
from chat.models import Backfill, Classification
from inference import resident
from inference.errors import QueueFull
from inference.models import Task
from tests.chat.desk import conversation, says, staff
from tests.chat.task_form import LABELS
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine():
    engine = ScriptedEngine(label="Normal")
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def task():
    return Task.objects.get(slug="urgency")


@pytest.fixture
def history():
    """Five messages of one conversation, the first of them the oldest."""
    talk = conversation()
    return [says(talk, f"Message {n}", "Neutral", days_ago=10 - n).message for n in range(5)]


def run(task, engine, *, since=None, limit=None, **options) -> Backfill:
    return backfill.work(
        backfill.begin(task, since=since, limit=limit), engine, since=since, **options
    )


def read_by(task) -> list[str]:
    rows = Classification.objects.filter(version=task.current).order_by("message_id")
    return [row.message.text for row in rows]


class TestARun:
    def test_reads_every_message_with_the_current_version(self, engine, task, history):
        row = run(task, engine)
        assert (row.state, row.total, row.labelled, row.failed) == ("done", 5, 5, 0)
        assert len(read_by(task)) == 5

    def test_does_nothing_when_it_is_run_again(self, engine, task, history):
        run(task, engine)
        asked = len(engine.requests)
        assert run(task, engine).total == 0
        assert len(engine.requests) == asked

    def test_reads_what_a_new_version_has_not(self, engine, task, history):
        run(task, engine)
        task.publish(prompt="Good or bad?", labels=LABELS, context="message")
        assert run(task, engine).labelled == 5
        assert Classification.objects.filter(version__task=task).count() == 10

    def test_begins_with_the_newest_and_keeps_to_its_limit(self, engine, task, history):
        run(task, engine, limit=2)
        assert read_by(task) == ["Message 3", "Message 4"]

    def test_reads_only_what_is_as_new_as_asked(self, engine, task, history):
        run(task, engine, since=timezone.now() - timedelta(days=7, hours=1))
        assert read_by(task) == ["Message 3", "Message 4"]

    def test_keeps_many_in_flight_and_no_more_than_it_may(self, task, history):
        engine = Counting(label="Normal")
        run(task, engine, in_flight=3)
        assert engine.most == 3

    def test_reads_conversations_where_the_task_asks_for_them(self, engine, task, history):
        task.publish(prompt="Urgent?", labels=LABELS, context="conversation")
        run(task, engine, limit=1)
        (part,) = engine.requests[engine.last].classify
        said = [message.content for message in part.messages]
        assert said[-2:] == ["Message 4", "Urgent?"]
        assert "Message 0" in said

    def test_counts_what_the_engine_failed_on_and_goes_on(self, task, history):
        engine = Failing(label="Normal")
        row = run(task, engine)
        assert (row.state, row.labelled, row.failed) == ("done", 4, 1)

    def test_waits_for_visitors_when_the_queue_is_full(self, task, history, monkeypatch):
        monkeypatch.setattr(backfill, "FULL_SECONDS", 0)
        assert run(task, Crowded(label="Normal")).labelled == 5

    def test_stops_when_the_task_is_archived_meanwhile(self, engine, task, history, monkeypatch):
        monkeypatch.setattr(backfill, "CHUNK", 2)
        seen = []

        def archive(count):
            seen.append(count)
            Task.objects.filter(pk=task.pk).update(archived=timezone.now())

        row = run(task, engine, in_flight=1, progress=archive)
        assert (row.state, row.problem) == ("stopped", "The task was archived.")
        assert row.labelled < 5

    def test_that_breaks_off_is_gone_on_with(self, engine, task, history):
        def interrupt(count):
            raise KeyboardInterrupt

        row = backfill.begin(task)
        with pytest.raises(KeyboardInterrupt):
            backfill.work(row, engine, in_flight=2, progress=interrupt)
        assert row.state == "interrupted"
        assert run(task, engine).labelled == 4
        assert len(read_by(task)) == 5

    def test_of_an_engine_that_stops_has_failed(self, engine, task, history):
        engine.stop()
        row = run(task, engine)
        assert (row.state, row.problem) == ("failed", "The engine was stopped.")

    def test_is_refused_beside_another_of_the_same_task(self, engine, task, history):
        backfill.begin(task)
        with pytest.raises(backfill.CannotStart, match="already: 0 of 5"):
            backfill.begin(task)

    def test_of_a_dead_process_does_not_stand_in_the_way(self, engine, task, history):
        dead = backfill.begin(task)
        Backfill.objects.filter(pk=dead.pk).update(heartbeat=timezone.now() - timedelta(days=1))
        assert run(task, engine).labelled == 5
        dead.refresh_from_db()
        assert dead.state == "interrupted"


class TestTheCommand:
    def call(self, *arguments) -> dict:
        out = io.StringIO()
        call_command("backfill", "--json", *arguments, stdout=out)
        return json.loads(out.getvalue().splitlines()[-1])

    def test_ends_with_one_json_object(self, engine, task, history):
        figures = self.call("--task", "urgency", "--limit", "3")
        keys = ("task", "version", "state", "total", "labelled", "failed", "left")
        assert [figures[key] for key in keys] == ["urgency", 1, "done", 3, 3, 0, 0]
        assert figures["model"] == engine.model_id

    def test_takes_days_and_moments(self, engine, task, history):
        tomorrow = timezone.now() + timedelta(days=1)
        assert self.call("--task", "urgency", "--since", f"{tomorrow:%Y-%m-%d}")["total"] == 0
        assert resident.install(ScriptedEngine(label="Normal"))
        assert self.call("--task", "urgency", "--since", "2020-01-01T12:00:00+02:00")["total"] == 5

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--task", "nonsense"], "--task nonsense does not exist. There are: details"),
            (["--task", "urgency", "--since", "monday"], "--since: 'monday' is no day"),
            (["--task", "urgency", "--limit", "0"], "--limit: '0' is not 1 or more"),
            ([], "--task"),
        ],
    )
    def test_names_what_is_wrong(self, engine, arguments, words):
        with pytest.raises(CommandError, match=words):
            self.call(*arguments)

    def test_says_by_its_exit_code_that_some_failed(self, task, history):
        before = resident.install(Failing(label="Normal"))
        with pytest.raises(CommandError) as refused:
            self.call("--task", "urgency")
        assert refused.value.returncode == 3
        resident.install(before)

    def test_says_by_its_exit_code_that_it_was_interrupted(self, engine, history, monkeypatch):
        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(backfill.labels, "record", interrupt)
        with pytest.raises(CommandError) as ended:
            self.call("--task", "urgency")
        assert ended.value.returncode == 130
        assert Backfill.objects.get().state == "interrupted"

    def test_needs_no_model_when_nothing_is_left(self, engine):
        engine.become_failed("INFERENCE_MODEL=x does not exist.")
        assert self.call("--task", "urgency")["state"] == "done"

    def test_does_not_run_without_a_model(self, engine, history):
        engine.become_failed("INFERENCE_MODEL=x does not exist.")
        with pytest.raises(CommandError, match="INFERENCE_MODEL=x"):
            self.call("--task", "urgency")
        assert Backfill.objects.get().state == "failed"


class TestInTheAdmin:
    @pytest.fixture
    def lead(self, client):
        client.force_login(staff("lead"))
        return client

    @pytest.fixture
    def at_once(self, monkeypatch, django_capture_on_commit_callbacks):
        """The background thread's work, done when the request is over."""

        class Now(threading.Thread):
            start = threading.Thread.run

        monkeypatch.setattr(backfill.threading, "Thread", Now)
        monkeypatch.setattr(backfill.connection, "close", lambda: None)
        return lambda: django_capture_on_commit_callbacks(execute=True)

    def address(self, task) -> str:
        return reverse("admin:inference_task_backfill", args=[task.pk])

    def test_a_lead_starts_it_and_sees_how_far_it_is(self, lead, engine, task, history, at_once):
        with at_once():
            page = lead.post(self.address(task), follow=True).content.decode()
        assert "labelling 5 stored messages" in page
        assert "data-running" in page
        later = lead.get(self.address(task)).content.decode()
        assert "5 of 5 labelled, by lead" in later
        assert "data-running" not in later
        assert "not read yet: 0." in later

    def test_counts_what_waits_only_so_far(self, lead, task, history, monkeypatch):
        monkeypatch.setattr(backfills, "COUNTED", 4)
        assert "not read yet: more than 4." in lead.get(self.address(task)).content.decode()

    def test_the_lists_action_starts_several(self, lead, engine, task, history, at_once):
        chosen = [task.pk, Task.objects.get(slug="topic").pk]
        action = {"action": "start_for_all", "_selected_action": chosen}
        with at_once():
            lead.post(reverse("admin:inference_task_changelist"), action, follow=True)
        assert Backfill.objects.filter(state="done", labelled=5).count() == 2

    def test_an_archived_task_is_not_started(self, lead, engine, task):
        Task.objects.filter(pk=task.pk).update(archived=timezone.now())
        page = lead.post(self.address(task), follow=True).content.decode()
        assert "archived or has no version" in page

    def test_nobody_else_may(self, client, engine, task):
        client.force_login(staff("reviewer"))
        assert client.post(self.address(task)).status_code == 403
        assert not Backfill.objects.exists()


class Counting(ScriptedEngine):
    """Answers late, so that a busy machine too has sent all that may be open by then."""

    most = 0

    def submit(self, request, deliver, loop=None):
        ticket = super().submit(request, lambda event: self._end_late(deliver, event), loop)
        self.most = max(self.most, self.pending)
        return ticket

    pending = 0

    def _end_late(self, deliver, event):
        self.pending += 1

        def answer():
            self.pending -= 1
            deliver(event)

        threading.Timer(0.3, answer).start()


class Failing(ScriptedEngine):
    """Fails on one message."""

    def classify(self, ticket, key, label, confidence=0.9):
        (part,) = self.requests[ticket].classify
        if part.messages[-1].content == "Message 2":
            self.fail(ticket, key, "NaN logits")
        else:
            super().classify(ticket, key, label, confidence)


class Crowded(ScriptedEngine):
    """Full at every second try."""

    tries = 0

    def submit(self, request, deliver, loop=None):
        self.tries += 1
        if self.tries % 2:
            raise QueueFull("Visitors.")
        return super().submit(request, deliver, loop)
