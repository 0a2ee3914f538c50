"""Who comes next: labels first, first come first served, one token each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import QueueFull
from inference.scheduler import ASIDES_AT_ONCE, LABELS_AT_ONCE, Scheduler
from inference.sequence import REPLY, Kind, Sequence, Status
from inference.tasks import Classify, Extract, Reply


def reply(ticket):
    return Sequence(ticket, Reply(()), 0.0)


def label(ticket, key="mood"):
    return Sequence(ticket, Classify(key, (), ("a", "b")), 0.0)


def aside(ticket):
    return Sequence(ticket, Extract("details", (), "{}"), 0.0)


def thought(ticket):
    return Sequence(ticket, Classify("mood", (), ("a", "b"), think=5), 0.0)


def scheduler(*sequences, max_waiting=100, max_running=2):
    made = Scheduler(max_waiting=max_waiting, max_running=max_running)
    made.add(sequences)
    return made


def settle(schedule):
    """Until every waiting sequence runs; the last step's batch."""
    batch = []
    while schedule.waiting and (step := schedule.schedule()) != batch:
        batch = step
    return batch


def test_labels_go_before_new_replies():
    first, second = reply(1), label(2)
    assert scheduler(first, second).schedule() == [second, first]


def test_what_is_written_aside_comes_last():
    first, second, third, fourth = aside(1), thought(2), reply(3), label(4)
    assert scheduler(first, second, third, fourth).schedule() == [fourth, third, first, second]


def test_what_is_written_aside_takes_no_place_of_a_reply():
    asides = [aside(n) for n in range(ASIDES_AT_ONCE + 1)]
    queue = scheduler(*asides, reply(99), max_running=1)
    assert len(queue.schedule()) == ASIDES_AT_ONCE + 1
    queue.finish(asides[0])
    assert asides[-1] in queue.schedule()


def test_replies_come_in_the_order_of_their_tickets():
    replies = [reply(n) for n in range(4)]
    waiting = scheduler(*replies)
    assert waiting.schedule() == replies[:2]
    waiting.finish(replies[0])
    assert waiting.schedule() == replies[1:3]


def test_no_more_replies_run_than_may():
    waiting = scheduler(*[reply(n) for n in range(5)])
    assert len(settle(waiting)) == 2
    assert waiting.waiting == 3


def test_a_finished_reply_makes_room_for_the_next():
    replies = [reply(n) for n in range(3)]
    waiting = scheduler(*replies)
    settle(waiting)
    waiting.finish(replies[0])
    assert waiting.schedule() == replies[1:]


def test_every_running_reply_is_in_every_step():
    replies = [reply(n) for n in range(3)]
    running = scheduler(*replies, max_running=3)
    settle(running)
    assert running.schedule() == replies


def test_a_flood_of_labels_does_not_stop_replies():
    flooded = scheduler(*[label(n) for n in range(50)], reply(50))
    batch = flooded.schedule()
    assert len(batch) == LABELS_AT_ONCE + 1
    assert batch[-1].ticket == 50


def test_labels_that_are_not_done_are_scheduled_again_before_all_replies():
    first, second, answer = label(1), label(2), reply(3)
    queue = scheduler(answer, first, max_running=1)
    assert queue.schedule() == [first, answer]
    queue.add([second, reply(4)])
    assert queue.schedule() == [first, second, answer]


def test_labels_take_no_place_of_a_reply():
    queue = scheduler(label(1), reply(2), reply(3), max_running=2)
    queue.schedule()
    assert len(queue.schedule()) == 3


def test_labels_run_even_when_no_reply_may_start():
    full = scheduler(reply(1), max_running=1)
    full.schedule()
    late = label(2)
    full.add([reply(3), late])
    assert late in full.schedule()


def test_the_queue_takes_all_parts_or_none():
    nearly = scheduler(reply(1), max_waiting=2)
    with pytest.raises(QueueFull, match="of 2 at most"):
        nearly.add([label(2), reply(2)])
    assert nearly.waiting == 1
    assert nearly.has_room(1)
    assert not nearly.has_room(2)


def test_running_sequences_leave_the_queue():
    queue = scheduler(reply(1), max_waiting=1)
    queue.schedule()
    assert queue.has_room()


def test_one_part_of_a_ticket_can_be_cancelled():
    answer, mood, urgency = reply(1), label(1), label(1, "urgency")
    queue = scheduler(answer, mood, urgency)
    queue.cancel(1, REPLY)
    assert queue.remove_cancelled() == [answer]
    assert queue.schedule() == [mood, urgency]


def test_a_whole_ticket_can_be_cancelled_while_it_runs():
    mine, other = [reply(1), label(1)], reply(2)
    queue = scheduler(*mine, other)
    queue.schedule()
    queue.cancel(1)
    assert set(queue.remove_cancelled()) == set(mine)
    assert queue.schedule() == [other]


def test_cancelling_what_is_unknown_changes_nothing():
    queue = scheduler(reply(1))
    queue.cancel(7)
    queue.cancel(1, "mood")
    assert queue.remove_cancelled() == []


def test_an_empty_scheduler_is_not_busy():
    queue = scheduler(reply(1))
    assert queue.busy
    queue.clear()
    assert not queue.busy
    assert queue.schedule() == []


@given(
    kinds=st.lists(st.sampled_from([reply, label, aside]), max_size=30),
    lengths=st.integers(1, 5),
    max_running=st.integers(1, 4),
)
def test_everybody_is_served_the_same_number_of_steps(kinds, lengths, max_running):
    sequences = [kind(n) for n, kind in enumerate(kinds)]
    queue = scheduler(*sequences, max_running=max_running)
    served = dict.fromkeys(sequences, 0)
    while queue.busy:
        batch = queue.schedule()
        assert sum(each.is_reply for each in batch) <= max_running
        assert len(batch) == len(set(batch))
        for each in batch:
            served[each] += 1
            if served[each] == (1 if each.kind is Kind.LABEL else lengths):
                queue.finish(each)
    assert all(n == (1 if each.kind is Kind.LABEL else lengths) for each, n in served.items())
    assert all(each.status is Status.DONE for each in sequences)
