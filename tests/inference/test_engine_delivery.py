"""How events reach those who asked, and what the logs may say."""

import asyncio
import dataclasses
import threading

import pytest

from inference.sequence import Finished
from inference.tasks import Affine, Request
from tests.inference.flawed import explode, flawed
from tests.inference.inbox import Inbox, both, classified, classify, reply_to


class CountingLoop:
    """Stands for an event loop: remembers each wake-up."""

    def __init__(self):
        self.wakes = []

    def call_soon_threadsafe(self, callback, events):
        self.wakes.append([event for _, event in events])
        callback(events)


def test_the_events_of_one_step_come_with_one_wake_up(held, gate):
    loop, inboxes = CountingLoop(), [Inbox() for _ in range(4)]
    for inbox in inboxes:
        held.submit(Request(classify=(classify("Hello"),)), inbox, loop)
    gate.set()
    for inbox in inboxes:
        inbox.wait()
    assert [len(wake) for wake in loop.wakes] == [4]


async def test_callbacks_run_on_the_loop_that_was_given(engine):
    threads, done = set(), asyncio.Event()

    def deliver(event):
        threads.add(threading.current_thread())
        if isinstance(event, Finished):
            done.set()

    engine.submit(reply_to("Hello"), deliver, asyncio.get_running_loop())
    await asyncio.wait_for(done.wait(), 30)
    assert threads == {threading.current_thread()}


def test_a_receiver_may_ask_again(engine):
    second = Inbox()

    def deliver(event):
        if isinstance(event, Finished):
            engine.submit(reply_to("And then?"), second)

    engine.submit(reply_to("Hello"), deliver)
    assert isinstance(second.wait()[-1], Finished)


def test_labels_with_their_calibration_are_the_answer(engine):
    part = classify("Hello")
    plain = classified(engine, part)
    worst = min(plain.probabilities, key=plain.probabilities.get)
    lifted = dataclasses.replace(part, calibration=Affine(bias={worst: 100.0}))
    event = classified(engine, lifted)
    assert event.label == worst
    assert event.confidence == event.probabilities[worst]
    assert event.logprobs == pytest.approx(plain.logprobs, abs=1e-4)


def test_logs_hold_no_message_text(loaded, make_engine, caplog):
    engine, inbox = make_engine(flawed(loaded(), "poison", explode)), Inbox(2)
    engine.submit(both("my secret poison"), inbox)
    inbox.wait()
    assert "A forward failed" in caplog.text
    assert "secret" not in caplog.text
