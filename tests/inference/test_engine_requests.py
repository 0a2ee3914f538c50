"""What may be asked of the engine, and taken back: too much, nonsense, cancelled."""

import dataclasses
import gc

import pytest

from inference.errors import QueueFull
from inference.sequence import REPLY, Classified, Delta, Failed, Finished, Sequence
from inference.tasks import Reply, Request
from tests.inference.inbox import (
    Inbox,
    both,
    classify,
    conversation,
    ends,
    finished,
    reply_to,
)

# Asking too much, or nonsense


def test_a_full_queue_refuses_all_parts_of_a_request(make_engine, loaded):
    engine = make_engine(loaded(), max_waiting=3, start=False)
    engine.submit(both("Hello"), Inbox())
    assert engine.has_room(1)
    assert not engine.has_room(2)
    with pytest.raises(QueueFull):
        engine.submit(both("Hello"), Inbox())
    engine.submit(reply_to("Hello"), Inbox())


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request(classify=(classify("a"), classify("b"))),
        Request(reply_to("a").reply, (classify("a", key=REPLY),)),
        Request(classify=(classify("a", labels=()),)),
        Request(classify=(classify("a", labels=("x", "x")),)),
    ],
)
def test_a_request_without_clear_parts_is_refused(engine, request_):
    with pytest.raises(ValueError, match="needs"):
        engine.submit(request_, Inbox())


def test_a_message_longer_than_the_context_loses_its_middle(engine):
    inbox = Inbox(2)
    engine.submit(both("so much text " * 200), inbox)
    assert ends(inbox)[REPLY].truncated
    assert isinstance(ends(inbox)["sentiment"], Classified)


def test_a_system_prompt_longer_than_the_context_fails_alone(engine):
    inbox = Inbox(1)
    messages = conversation("Hello, is anybody there?", system="so much text " * 200)
    engine.submit(Request(Reply(messages)), inbox)
    assert "INFERENCE_CONTEXT" in ends(inbox)[REPLY].message
    assert finished(engine, reply_to("Hello"))


def test_a_long_conversation_loses_its_oldest_turns(engine):
    end = finished(engine, reply_to(*["once more and again"] * 61))
    assert end.truncated
    assert end.prompt_tokens <= 512 - 24
    assert not finished(engine, reply_to("Hello")).truncated


def test_a_request_may_only_lower_the_limit(endless):
    assert finished(endless, reply_to("Hello", max_new_tokens=5)).completion_tokens == 5
    assert finished(endless, reply_to("Hello", max_new_tokens=9999)).completion_tokens == 400


def test_a_stop_token_ends_the_reply_and_is_not_part_of_it(make_engine, loaded):
    everything = frozenset(range(len(loaded().tokenizer)))
    end = finished(
        make_engine(dataclasses.replace(loaded(), stop_ids=everything)), reply_to("Hello")
    )
    assert (end.reason, end.text, end.completion_tokens) == ("stop", "", 0)
    assert end.first_token_ms <= end.total_ms


# Cancelling


def test_a_cancelled_reply_keeps_the_text_so_far(endless):
    inbox = Inbox()
    ticket = endless.submit(reply_to("Hello"), inbox)
    inbox.wait_for(Delta)
    endless.cancel(ticket)
    end = inbox.wait()[-1]
    assert end.reason == "cancelled"
    assert end.text == inbox.streamed != ""


def test_cancelling_the_reply_leaves_its_label(held, gate):
    inbox = Inbox(2)
    ticket = held.submit(both("Hello"), inbox)
    held.cancel(ticket, REPLY)
    inbox.wait_for(Finished)
    gate.set()
    end = ends(inbox)
    assert (end["reply"].reason, end["reply"].text) == ("cancelled", "")
    assert isinstance(end["sentiment"], Classified)


def test_a_cancelled_classification_fails(held):
    inbox = Inbox(1)
    held.cancel(held.submit(both("Hello"), inbox), "sentiment")
    assert inbox.wait() == [Failed("sentiment", "cancelled")]


def test_cancelling_what_is_over_changes_nothing(engine):
    inbox = Inbox(2)
    ticket = engine.submit(both("Hello"), inbox)
    before = list(inbox.wait())
    engine.cancel(ticket)
    assert finished(engine, reply_to("Hello"))
    assert inbox.events == before


def test_a_cancelled_reply_makes_room(endless):
    tickets = [endless.submit(reply_to("Hello"), Inbox()) for _ in range(2)]
    inbox = Inbox()
    endless.submit(reply_to("Hello", max_new_tokens=1), inbox)
    endless.cancel(tickets[0])
    assert inbox.wait()[-1].reason == "length"


def test_ten_thousand_cancelled_requests_leave_nothing_behind(make_engine, loaded):
    engine = make_engine(loaded(), max_waiting=10_000, max_running=4)
    before = _sequences()
    inboxes = [Inbox(2) for _ in range(10_000)]
    for number, inbox in enumerate(inboxes):
        ticket = engine.submit(both(f"Hello {number % 7}"), inbox)
        engine.cancel(ticket)
        if number % 250 == 0:  # so that some of them are cancelled in their middle
            finished(engine, reply_to("Hello", max_new_tokens=2))
    assert all(len(ends(inbox)) == 2 for inbox in inboxes)
    assert not engine._open
    assert not engine._scheduler.busy
    assert not engine._outbox._events
    assert engine._runner.cache.promised == 0
    engine._runner.cache.check()
    assert engine._runner._model.new_kv(1).slots.taken == 0
    finished(engine, reply_to("Hello", max_new_tokens=1))  # the loop drops its last batch
    assert _sequences() <= before + 1


def _sequences() -> int:
    """How many are alive. `isinstance` would wake the lazy objects that other tests left."""
    gc.collect()
    return sum(issubclass(type(each), Sequence) for each in gc.get_objects())
