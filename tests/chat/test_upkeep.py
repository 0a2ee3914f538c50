"""What a crash or a shutdown leaves behind: nothing is lost, nothing hangs."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import labels, messages, turn, turns, upkeep
from chat.models import Message
from chat.turns import in_thread
from inference.models import Calibration
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
