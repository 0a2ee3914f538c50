"""What a crash or a shutdown leaves behind: nothing is lost, nothing hangs."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import labels, messages, turn, turns, upkeep
from chat.models import Classification, Message
from chat.turns import in_thread
from inference.models import Calibration, Task
from inference.sequence import REPLY
from tests.chat.conftest import quiet

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = "elsewhere:1:0.00"


@pytest.fixture
def left_behind(conversation):
    """A reply as a process left it: `left_behind(state="streaming", owner=...)`."""

    async def leave(age=timedelta(0), **fields) -> Message:
        received = await in_thread(messages.receive)(conversation.pk, "c1", "Hello?")
        old = timezone.now() - age
        fields = {"owner": DEAD, "heartbeat": old, "created": old, **fields}
        await Message.objects.filter(pk=received.reply.pk).aupdate(**fields)
        await Message.objects.filter(pk=received.visitor.pk).aupdate(created=old)
        return received.reply

    return leave


async def test_a_streaming_reply_of_a_silent_process_becomes_interrupted(engine, left_behind):
    reply = await left_behind(state="streaming", text="Half a", age=timedelta(minutes=1))
    await upkeep.sweep()
    await reply.arefresh_from_db()
    assert (reply.state, reply.text, reply.owner) == ("interrupted", "Half a", "")


async def test_a_reply_whose_owner_still_beats_is_left_alone(engine, left_behind):
    reply = await left_behind(state="streaming", text="Half a")
    await upkeep.sweep()
    await reply.arefresh_from_db()
    assert (reply.state, reply.owner) == ("streaming", DEAD)
    await quiet()


async def test_a_dead_process_of_this_host_expires_at_once(engine, left_behind, monkeypatch):
    monkeypatch.setattr("chat.messages.owner.is_dead", lambda owner: owner == DEAD)
    reply = await left_behind(state="streaming", text="Half a")
    await upkeep.sweep()
    await reply.arefresh_from_db()
    assert reply.state == "interrupted"


async def test_a_young_queued_reply_runs_again(engine, left_behind, visit):
    reply = await left_behind(age=timedelta(minutes=1))
    visitor = await visit()
    await upkeep.sweep()
    await visitor.until_state(reply.seq, "done")
    await reply.arefresh_from_db()
    assert reply.text == "Hello there, friend."


async def test_an_old_queued_reply_fails_and_can_be_retried(engine, left_behind, visit):
    reply = await left_behind(age=timedelta(hours=1))
    await upkeep.sweep()
    await reply.arefresh_from_db()
    assert reply.state == "failed"
    visitor = await visit()
    await visitor.send("retry", seq=reply.seq)
    assert (await visitor.receive("done"))["state"] == "done"


async def test_a_message_that_lost_its_label_is_classified(engine, left_behind, visit):
    reply = await left_behind(state="failed", age=timedelta(minutes=5))
    visitor = await visit()
    await upkeep.sweep()
    await visitor.receive_label(reply.seq - 1)


async def test_a_shutdown_keeps_the_partial_text(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "As far as")
    await visitor.receive("delta")
    await upkeep.shutdown()
    row = await Message.objects.aget(seq=reply["seq"])
    assert (row.state, row.text) == ("interrupted", "As far as")


async def test_a_turn_that_ends_during_a_shutdown_does_not_stop_it(by_hand, visit):
    by_hand._label = None
    visitor = await visit()
    _, reply = await visitor.say("Hi", "c1")
    by_hand.emit(await by_hand.replying(), "As far as")
    await visitor.receive("delta")
    await visitor.say("And?", "c2")  # a turn of its own, for the label
    await visitor.until(lambda: len(by_hand.requests) == 2)
    await upkeep.rest()
    by_hand.fail(by_hand.last, "sentiment")  # heard while the reply is being written
    await upkeep.shutdown()
    row = await Message.objects.aget(seq=reply["seq"])
    assert (row.state, row.text, by_hand.state) == ("interrupted", "As far as", "stopped")


async def test_a_reply_without_a_word_yet_runs_again_after_a_shutdown(by_hand, visit):
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    await by_hand.replying()
    await upkeep.shutdown()
    row = await Message.objects.aget(seq=reply["seq"])
    assert (row.state, row.owner, row.heartbeat) == ("queued", "", None)
    by_hand.state = "ready"
    await upkeep.sweep()
    by_hand.emit(await by_hand.replying(), "Here I am.")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done"))["text"] == "Here I am."


@pytest.mark.parametrize("asked_of", ["this process", "another"])
async def test_a_reply_that_was_to_stop_does_not_run_again_after_a_shutdown(
    by_hand, visit, conversation, asked_of, monkeypatch
):
    monkeypatch.setattr(by_hand, "cancel", lambda *args: None)  # it has not heard of it yet
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    await by_hand.replying()
    stop = turns.stop if asked_of == "this process" else in_thread(messages.stop)
    await stop(conversation.pk, reply["seq"])
    await upkeep.shutdown()
    assert (await Message.objects.aget(seq=reply["seq"])).state == "interrupted"


async def test_partial_text_is_checkpointed_while_it_streams(by_hand, visit, monkeypatch):
    monkeypatch.setattr(turns, "CHECKPOINT_SECONDS", 0.01)
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "So far")
    await visitor.receive("delta")

    async def stored() -> str:
        return (await Message.objects.aget(seq=reply["seq"])).text

    while await stored() != "So far":
        await visitor.sync()


async def test_a_database_slower_than_the_checkpoints_does_not_hold_up_a_reply(
    by_hand, visit, monkeypatch
):
    for module in (turn, turns):  # one is due whenever one has ended
        monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0)
    visitor = await visit()
    await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "So far")
    await visitor.receive("delta")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done"))["text"] == "So far"


async def test_a_stop_asked_of_another_process_reaches_the_one_that_runs(
    by_hand, visit, monkeypatch
):
    monkeypatch.setattr(turns, "CHECKPOINT_SECONDS", 0.01)
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "Talking")
    await visitor.receive("delta")
    row = await Message.objects.aget(seq=reply["seq"])
    await in_thread(messages.stop)(row.conversation_id, row.seq)
    done = await visitor.receive("done")
    assert (done["state"], done["text"]) == ("stopped", "Talking")


async def test_an_empty_answer_counts_as_failed(by_hand, visit):
    visitor = await visit()
    await visitor.say("Hi")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done"))["state"] == "failed"


async def test_a_label_that_cannot_be_stored_does_not_cost_the_reply(engine, visit, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no room for labels")

    monkeypatch.setattr(labels, "record", broken)
    visitor = await visit()
    await visitor.say("Hi")
    assert (await visitor.receive("done"))["state"] == "done"


async def test_a_model_is_calibrated_before_the_first_message(engine, visit):
    await visit()
    async with asyncio.timeout(5):
        while not await Calibration.objects.aexists():
            await asyncio.sleep(0.01)
    assert (await Calibration.objects.aget()).model_id == engine.model_id


@pytest.fixture
def unmeasured(by_hand, monkeypatch):
    """A model that ships no calibration, and takes its time to be calibrated."""
    monkeypatch.setattr(turn, "LABEL_PATIENCE_SECONDS", 0)
    by_hand.calibrations, by_hand._label = {}, None
    yield by_hand
    measure(by_hand)


def measure(engine) -> None:
    """Answer whatever asks for labels."""
    for ticket, part in engine.open_parts():
        if part != REPLY:
            engine.classify(ticket, part, "Neutral")


async def label_of_the_reply(engine) -> int:
    """The model has read the message that is being replied to; returns the ticket."""
    ticket = await engine.replying()
    engine.classify(ticket, "sentiment", "Neutral")
    return ticket


async def test_a_reply_streams_while_the_label_s_calibration_is_measured(unmeasured, visit):
    visitor = await visit()
    mine, _ = await visitor.say("Hi")
    ticket = await label_of_the_reply(unmeasured)
    await asyncio.sleep(0.05)  # the label comes first
    unmeasured.emit(ticket, "Good day.")
    await visitor.receive("delta")
    unmeasured.finish(ticket)
    await visitor.receive("done")
    assert not await Classification.objects.aexists()
    measure(unmeasured)
    await visitor.receive_label(mine["seq"])


async def test_a_reply_that_waits_for_the_label_beats_while_it_is_measured(
    unmeasured, visit, monkeypatch
):
    monkeypatch.setattr(turns, "CHECKPOINT_SECONDS", 0.01)
    await Task.objects.filter(slug="sentiment").aupdate(guides_reply=True)
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    await visitor.until(lambda: len(unmeasured.requests) == 2)  # the message's, the measuring's
    message = next(t for t, r in unmeasured.requests.items() if len(r.classify) == 1)
    unmeasured.classify(message, "sentiment", "Neutral")
    await asyncio.sleep(0.05)
    await Message.objects.aupdate(heartbeat=None)
    async with asyncio.timeout(5):
        while not (await Message.objects.aget(seq=reply["seq"])).heartbeat:
            await asyncio.sleep(0.01)
    measure(unmeasured)
    unmeasured.emit(await unmeasured.replying(), "Good day.")
    unmeasured.finish(await unmeasured.replying())
    await visitor.receive("done")
