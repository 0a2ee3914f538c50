"""The engine's life, and what goes wrong in it: nobody hangs, everybody gets one end."""

import asyncio
import dataclasses
import subprocess
import sys
import threading

import pytest

from inference.errors import EngineFailed, EngineStopped, ModelError, QueueFull
from inference.sequence import REPLY, Classified, Delta, Failed, Finished
from inference.tasks import Affine, Reply, Request
from tests.inference.flawed import become_nan, explode, flawed
from tests.inference.inbox import Inbox, classified, classify, conversation, finished, reply_to
from tests.inference.scripted import ScriptedEngine


def both(text, **options):
    return Request(reply_to(text, **options).reply, (classify(text),))


def ends(inbox):
    return {event.part: event for event in inbox.wait() if not isinstance(event, Delta)}


@pytest.fixture
def endless(loaded, make_engine):
    """An engine whose replies only end by their length, far away."""
    model = dataclasses.replace(loaded(), stop_ids=frozenset(), max_new_tokens=400)
    return make_engine(model, max_running=2)


@pytest.fixture
def gate():
    """Held loading: `gate.set()` lets it go on."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def held(make_engine, loaded, gate):
    """An engine that is loading until `gate` is set."""

    def load(progress):
        progress(0.5, "reading the weights")
        gate.wait(30)
        progress(0.9, "getting ready")
        return loaded()

    engine = make_engine(load, start=False)
    engine.start()
    return engine


# From new to stopped


def test_a_request_gets_its_reply_and_its_label(engine):
    inbox = Inbox(2)
    engine.submit(both("Hello"), inbox)
    end = ends(inbox)
    assert isinstance(end["reply"], Finished)
    assert isinstance(end["sentiment"], Classified)
    assert inbox.streamed == end["reply"].text
    assert sum(end["sentiment"].probabilities.values()) == pytest.approx(1)


def test_a_ready_engine_says_which_model_it_runs(engine):
    assert (engine.state, engine.progress, engine.error) == ("ready", 1.0, None)
    assert engine.model_id.startswith("tiny-qwen2@")
    assert engine.model_id.endswith("/float32")


def test_requests_made_before_the_start_are_answered(make_engine, loaded):
    engine, inbox = make_engine(loaded(), start=False), Inbox(2)
    assert engine.state == "new"
    engine.submit(both("Hello"), inbox)
    engine.start()
    assert isinstance(ends(inbox)["reply"], Finished)


def test_requests_wait_while_the_model_loads(held, gate):
    inbox = Inbox(2)
    held.submit(both("Hello"), inbox)
    assert not held.wait_ready(0.01)
    assert (held.state, inbox.events) == ("loading", [])
    gate.set()
    assert isinstance(ends(inbox)["reply"], Finished)


def test_starting_twice_loads_once(make_engine, loaded):
    calls = []
    engine = make_engine(lambda progress: calls.append(1) or loaded())
    engine.start()
    assert (calls, engine.wait_ready(1)) == ([1], True)


def test_a_load_error_reaches_those_who_wait_and_those_who_come(make_engine):
    def load(progress):
        raise ModelError("INFERENCE_MODEL=x does not exist.")

    engine, inbox = make_engine(load, start=False), Inbox(2)
    engine.submit(both("Hello"), inbox)
    engine.start()
    assert {type(event) for event in inbox.wait()} == {Failed}
    assert not engine.wait_ready(30)
    assert (engine.state, engine.error) == ("failed", "INFERENCE_MODEL=x does not exist.")
    assert not engine.has_room()
    with pytest.raises(EngineFailed, match="INFERENCE_MODEL"):
        engine.submit(both("Hello"), inbox)


def test_an_unexpected_load_error_is_a_failure_too(make_engine):
    engine = make_engine(lambda progress: 1 / 0)
    assert (engine.state, engine.error) == ("failed", "ZeroDivisionError: division by zero")


def test_stop_ends_a_reply_in_its_middle(endless):
    inbox = Inbox()
    endless.submit(reply_to("Hello"), inbox)
    inbox.wait_for(Delta)
    endless.stop()
    assert isinstance(inbox.wait()[-1], Failed)
    assert endless.state == "stopped"
    with pytest.raises(EngineStopped):
        endless.submit(reply_to("Hello"), inbox)


def test_stop_while_loading_fails_what_waits(held, gate):
    inbox = Inbox(2)
    held.submit(both("Hello"), inbox)
    held.stop(timeout=0)
    assert {type(event) for event in inbox.wait()} == {Failed}
    gate.set()
    held.stop()
    assert (held.state, len(inbox.events)) == ("stopped", 2)


def test_an_engine_that_never_started_can_be_stopped(make_engine, loaded):
    engine, inbox = make_engine(loaded(), start=False), Inbox()
    engine.submit(reply_to("Hello"), inbox)
    engine.stop()
    assert isinstance(inbox.wait()[0], Failed)


def test_a_process_with_a_running_engine_exits_cleanly(tiny_folder):
    code = f"""
from inference.config import InferenceConfig
from inference.resident import build
from tests.inference.inbox import Inbox, reply_to
engine = build(InferenceConfig({str(tiny_folder())!r}, context=512, max_new_tokens=250))
engine.start()
inbox = Inbox()
engine.submit(reply_to("Hello"), inbox)
inbox.wait_for(object)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


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


# Failures in the middle


@pytest.mark.parametrize("flaw", [explode, become_nan])
def test_a_failing_forward_fails_its_request_alone(loaded, make_engine, flaw):
    engine = make_engine(flawed(loaded(), "poison", flaw))
    good, bad = Inbox(2), Inbox(2)
    expected = finished(engine, reply_to("Hello")).text
    engine.submit(both("Hello"), good)
    engine.submit(both("poison"), bad)
    assert {type(event) for event in bad.wait()} == {Failed}
    assert ends(good)["reply"].text == expected


def test_nan_never_gets_into_the_cache(loaded, make_engine):
    engine = make_engine(flawed(loaded(), "poison", become_nan))
    for request in (both("poison"), both("poison", max_new_tokens=1)):
        inbox = Inbox(2)
        engine.submit(request, inbox)
        inbox.wait()
    assert len(engine._runner.cache) == 0


def test_a_defect_of_the_engine_fails_everything_open_and_it_goes_on(engine, monkeypatch):
    schedule, inbox = engine._scheduler.schedule, Inbox(2)

    def broken():
        monkeypatch.setattr(engine._scheduler, "schedule", schedule)
        raise RuntimeError("a defect")

    monkeypatch.setattr(engine._scheduler, "schedule", broken)
    engine.submit(both("Hello"), inbox)
    assert {event.message for event in inbox.wait()} == {"RuntimeError: a defect"}
    assert finished(engine, reply_to("Hello"))


def test_a_receiver_that_raises_harms_nobody(engine, caplog):
    said, inbox = "words of a visitor", Inbox(2)

    def deliver(event):
        raise ValueError(said)

    engine.submit(both("Hello"), deliver)
    engine.submit(both("Hello"), inbox)
    assert isinstance(ends(inbox)["reply"], Finished)
    assert "ValueError" in caplog.text
    assert said not in caplog.text


def test_a_closed_loop_harms_nobody(engine):
    loop = asyncio.new_event_loop()
    loop.close()
    engine.submit(both("Hello"), Inbox(), loop)
    assert finished(engine, reply_to("Hello"))


# Delivery


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


def test_the_scripted_engine_has_the_same_interface(engine):
    public = {name for name in dir(engine) if not name.startswith("_")}
    assert public <= set(dir(ScriptedEngine()))
