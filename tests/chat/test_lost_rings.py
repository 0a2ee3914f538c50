"""The layer is only a bell: where Redis cannot be reached, chats go on without it."""

from uuid import uuid4

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from chat import bell, turns
from chat.models import Message
from tests.site import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def no_redis(monkeypatch):
    """From the call on, every ring goes to a Redis that refuses."""
    refusing = RedisPubSubChannelLayer(hosts=[f"redis://127.0.0.1:{free_port()}"])

    def begin() -> None:
        monkeypatch.setattr(bell, "get_channel_layer", lambda: refusing)

    return begin


async def test_a_reply_that_runs_is_not_lost(by_hand, visit, no_redis, monkeypatch):
    monkeypatch.setattr(turns, "CHECKPOINT_SECONDS", 0.01)  # each of them rings
    visitor = await visit()
    _, reply = await visitor.say("Hi")
    by_hand.emit(await by_hand.replying(), "As far as I know, ")
    await visitor.receive("delta")
    no_redis()
    row = await Message.objects.aget(seq=reply["seq"])
    before = row.heartbeat
    while row.heartbeat == before:
        await visitor.sync()
        await row.arefresh_from_db()
    by_hand.emit(await by_hand.replying(), "yes.")
    by_hand.finish(await by_hand.replying())
    done = await visitor.receive("done")
    assert (done["state"], done["text"]) == ("done", "As far as I know, yes.")


async def test_the_next_reply_follows_and_new_messages_are_answered(by_hand, visit, no_redis):
    visitor = await visit()
    await visitor.say("First", "c1")
    _, second = await visitor.say("Second", "c2")
    first = await by_hand.replying()
    no_redis()
    by_hand.emit(first, "One")
    by_hand.finish(first)
    await visitor.receive("done")
    by_hand.emit(await by_hand.replying(), "Two")
    by_hand.finish(await by_hand.replying())
    await visitor.receive("done", seq=second["seq"])
    _, third = await visitor.say("Third", "c3")
    by_hand.emit(await by_hand.replying(), "Three")
    by_hand.finish(await by_hand.replying())
    assert (await visitor.receive("done", seq=third["seq"]))["text"] == "Three"


async def test_what_could_not_be_told_is_logged(no_redis, caplog):
    no_redis()
    await bell.alert(uuid4(), 1)
    await bell.raised(uuid4(), 1)
    await bell.typing(uuid4(), "visitor")
    assert caplog.text.count("Nobody elsewhere heard") == 3
