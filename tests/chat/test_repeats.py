"""Messages of the same words are read once, in turns, over history and in trials."""

import pytest
from django.urls import reverse

from chat import backfill, trial, turns
from chat.labels import TaskRun
from chat.models import Classification, Message
from inference.models import Calibration, Task
from inference.repeat import repeats
from tests.chat.desk import conversation, says, staff
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db(transaction=True)


async def read(visitor, text: str, client_id: str) -> Classification:
    """The visitor writes and is answered; the label of that message, when its turn is over."""
    mine, _ = await visitor.say(text, client_id)
    for task in list(turns._running.values()):
        await task
    return await Classification.objects.aget(message__seq=mine["seq"])


def asked_about_moods(engine) -> int:
    return sum(len(request.classify) for request in engine.requests.values())


async def test_the_same_words_are_read_once_and_the_row_says_so(engine, visit):
    visitor = await visit()
    first = await read(visitor, "Thanks!", "c1")
    again = await read(visitor, " thanks! ", "c2")
    assert (first.cached, again.cached) == (False, True)
    assert again.probabilities == first.probabilities
    assert asked_about_moods(engine) == 1
    assert (repeats().counters.hits, repeats().counters.misses) == (1, 1)


async def test_a_reply_is_made_for_the_same_words_all_the_same(engine, visit):
    visitor = await visit()
    await read(visitor, "Thanks!", "c1")
    await read(visitor, "Thanks!", "c2")
    assert await Message.objects.replies().filter(state="done").acount() == 2


async def test_a_message_that_a_person_answers_has_its_known_label_without_the_engine(
    engine, conversation, visit
):
    visitor = await visit()
    await read(visitor, "Thanks!", "c1")
    await type(conversation).objects.filter(pk=conversation.pk).aupdate(status="human")
    before = len(engine.requests)
    await visitor.send("message", client_id="c2", text="Thanks!")
    seq = (await visitor.receive("message", client_id="c2"))["seq"]
    for task in list(turns._running.values()):
        await task
    assert (await Classification.objects.aget(message__seq=seq)).cached
    assert len(engine.requests) == before


async def test_a_new_version_reads_them_again(engine, visit):
    visitor = await visit()
    await read(visitor, "Thanks!", "c1")
    await turns.in_thread(publish)(context="message")
    assert not (await read(visitor, "Thanks!", "c2")).cached


async def test_a_task_that_reads_conversations_never_repeats_itself(engine, visit):
    await turns.in_thread(publish)(context="conversation")
    visitor = await visit()
    for number in range(2):
        assert not (await read(visitor, "Thanks!", f"c{number}")).cached
    assert repeats().counters.misses == 0


async def test_another_calibration_counts_for_repeats_too(engine, visit):
    visitor = await visit()
    first = await read(visitor, "Thanks!", "c1")
    await Calibration.objects.acreate(
        version_id=first.version_id,
        model_id=engine.model_id,
        bias={"Positive": 20},
        source=Calibration.Source.FITTED,
    )
    again = await read(visitor, "Thanks!", "c2")
    assert (first.label, again.label, again.cached) == ("Neutral", "Positive", True)


async def test_with_a_size_of_0_every_message_is_read(engine, visit, settings):
    settings.INFERENCE_REPEAT_SIZE = 0
    visitor = await visit()
    await read(visitor, "Thanks!", "c1")
    assert not (await read(visitor, "Thanks!", "c2")).cached


def test_history_of_the_same_words_is_read_once():
    engine, task = ScriptedEngine(label="Low"), Task.objects.get(slug="urgency")
    talk = conversation()
    for text in ("Thanks", "Where is it?", "thanks"):
        says(talk, text, "Neutral")
    row = backfill.work(backfill.begin(task), engine, in_flight=1)
    assert row.labelled == 3
    assert Classification.objects.filter(version=task.current, cached=True).count() == 1
    assert len(engine.requests) == 2


async def test_a_trial_says_what_is_known_from_before(engine):
    task = await Task.objects.select_related("current").aget(slug="sentiment")
    run, before = TaskRun(task, task.current), await turns.in_thread(trial.pasted)(["Hello"])
    report = await trial.run(run, before)
    assert [each.cached for each in report.trials] == [False]
    repeats().remember("Hello", run.version.digest, engine.model_id, {"Neutral": 0.0})
    report = await trial.run(run, before)
    assert [each.cached for each in report.trials] == [True]


def test_the_list_of_tasks_counts_them(client):
    client.force_login(staff("lead"))
    repeats().recall("mood", "Hello", "v", "m")
    page = client.get(reverse("admin:inference_task_changelist")).content.decode()
    assert "0 known from before, 1 read by the model" in page


def publish(**fields) -> None:
    task = Task.objects.get(slug="sentiment")
    current = task.current
    task.publish(**{"prompt": current.prompt, "labels": current.labels, **fields})
