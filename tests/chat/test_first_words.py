"""What a visitor waits for comes first: labels are stored a moment later."""

import asyncio
import threading

import pytest

from chat import history, messages, receiving, turn
from chat.models import Classification, Message
from inference.sequence import REPLY
from tests.chat.desk import stored

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_label_waits_while_first_words_are_on_their_way(by_hand, visit, monkeypatch):
    monkeypatch.setattr(turn, "LABEL_PATIENCE_SECONDS", 3600)
    visitor = await visit()
    await visitor.say("Where is it?")
    ticket = await by_hand.replying()
    await visitor.send("ping")
    await visitor.receive("pong")
    assert not await Classification.objects.aexists()
    by_hand.emit(ticket, "I will ")
    await visitor.receive("delta")
    by_hand.finish(ticket)
    await visitor.receive("done")
    assert (await stored()).label == "Neutral"


async def test_a_label_does_not_wait_for_the_last_word(by_hand, visit):
    visitor = await visit()
    await visitor.say("Where is it?")
    by_hand.emit(await by_hand.replying(), "I will ")
    await visitor.receive("delta")
    assert (await stored()).label == "Neutral"


async def test_a_label_does_not_wait_long_for_a_reply_that_has_to(by_hand, visit):
    visitor = await visit()
    await visitor.say("Where is it?")
    await by_hand.replying()
    assert (await stored()).label == "Neutral"


async def test_a_label_is_stored_when_the_reply_ends_without_a_word(by_hand, visit, monkeypatch):
    monkeypatch.setattr(turn, "LABEL_PATIENCE_SECONDS", 3600)
    visitor = await visit()
    await visitor.say("Where is it?")
    by_hand.fail(await by_hand.replying(), REPLY, "not a number")
    assert (await visitor.receive("done"))["state"] == "failed"
    assert (await stored()).label == "Neutral"


@pytest.mark.parametrize(("failures", "state"), [(1, "done"), (2, "failed")])
async def test_a_message_is_kept_when_its_conversation_cannot_be_read(
    engine, visit, monkeypatch, failures, state
):
    reading, failed = history.prompt_messages, []

    def prompt_messages(system, rows):
        if len(failed) < failures:
            failed.append(rows)
            raise RuntimeError("the disk is gone")
        return reading(system, rows)

    monkeypatch.setattr(history, "prompt_messages", prompt_messages)
    visitor = await visit()
    await visitor.say("Where is it?")
    assert (await visitor.receive("done"))["state"] == state
    assert await Message.objects.from_visitor().acount() == 1


def test_coming_in_takes_few_queries(engine, conversation, django_assert_max_num_queries):
    for number in range(3):
        with django_assert_max_num_queries(13):
            received, asked = receiving.receive(
                conversation.pk, str(number), "Where is it?", lambda: None
            )
        assert asked.asked.request.reply
        messages.finish(received.reply, "done", "On its way.")


async def test_a_ping_does_not_wait_for_the_rows_of_others(engine, visit):
    visitor, may_go_on = await visit(), threading.Event()
    others = asyncio.ensure_future(turn.in_thread(may_go_on.wait)(20))
    await visitor.send("ping")
    await visitor.receive("pong")
    assert not others.done()
    may_go_on.set()
    assert await others
