"""Measuring a version in an admin request: what it reads of the database, and when it gives up."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import labels
from chat.evaluation import quality
from chat.labels import TaskRun
from chat.trial import Unavailable
from inference import resident
from inference.models import Task
from tests.chat.desk import conversation, says, staff
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def install():
    """Makes an engine the process's own."""
    before = resident.engine()
    yield resident.install
    resident.install(before)


@pytest.fixture
def engine(install):
    made = ScriptedEngine(label="Negative")
    install(made)
    return made


@pytest.fixture
def task():
    return Task.objects.get(slug="sentiment")


@pytest.fixture
def talks():
    """Twelve conversations of two messages, of which the second was decided on."""
    ana = staff("reviewer", "ana")
    for number in range(12):
        talk, label = conversation(), "Positive" if number % 3 == 0 else "Negative"
        says(talk, f"first {number}", "Neutral")
        labels.review(says(talk, f"second {number}", label), ana, "confirmed")


def publish(task, context: str):
    return task.publish(prompt=f"Of the {context}?", labels=task.current.labels, context=context)


def contents(part) -> list[str]:
    return [message.content for message in part.messages]


def test_only_the_conversations_that_are_asked_about_are_read(engine, talks, task, monkeypatch):
    monkeypatch.setattr(quality, "MOST", 4)
    publish(task, "conversation")
    with CaptureQueriesContext(connection) as asked:
        quality.measure(TaskRun(task, task.current))
    assert sum('"seq" <=' in query["sql"] for query in asked) == 4


def test_of_messages_alone_no_conversation_is_read(engine, talks, task):
    with CaptureQueriesContext(connection) as asked:
        quality.measure(TaskRun(task, task.current))
    assert not any('"seq" <=' in query["sql"] for query in asked)


@pytest.mark.parametrize("contexts", [("message", "conversation"), ("conversation", "message")])
def test_each_of_two_compared_versions_sees_what_it_reads(engine, talks, task, contexts):
    candidate, current = (publish(task, context) for context in contexts)
    quality.compare(TaskRun(task, candidate), TaskRun(task, current))
    asked = [contents(request.classify[0]) for request in engine.requests.values()]
    alone = [each for each in asked if each[0] == "Of the message?"]
    whole = [each for each in asked if each[-1] == "Of the conversation?"]
    assert len(alone) == len(whole) == 12
    assert all(len(each) == 2 for each in alone)
    assert all(each[1].startswith("first ") and len(each) == 5 for each in whole)


def test_a_model_that_does_not_answer_is_waited_for_no_longer(install, talks, task, monkeypatch):
    monkeypatch.setattr(quality, "SECONDS", 0.1)
    install(ScriptedEngine(label=None))
    with pytest.raises(Unavailable, match="needs more than"):
        quality.measure(TaskRun(task, task.current))


def test_neither_is_one_that_has_yet_to_be_calibrated(install, talks, task, monkeypatch):
    monkeypatch.setattr(quality, "SECONDS", 0.1)
    silent = ScriptedEngine(label=None)
    silent.calibrations = {}
    install(silent)
    with pytest.raises(Unavailable, match="gave no answer in"):
        quality.measure(TaskRun(task, task.current))
    assert not silent.open_parts()


def test_reading_the_reviews_is_part_of_the_time(engine, talks, task, monkeypatch):
    clock = iter(range(0, 10_000, quality.SECONDS + 1))  # every look is later than one may wait
    monkeypatch.setattr(quality.time, "monotonic", lambda: next(clock))
    with pytest.raises(Unavailable, match="needs more than"):
        quality.compare(TaskRun(task, publish(task, "message")), TaskRun(task, task.current))
