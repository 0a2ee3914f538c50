"""An engine in a process of its own: the same answers, and nobody hangs when it dies."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from inference.apart.engine import EngineApart
from inference.engine import Engine
from inference.errors import EngineFailed, EngineStopped, QueueFull
from inference.loading import load
from inference.sequence import Classified, Delta, Failed, Finished
from tests.inference.inbox import Inbox, both, ends, reply_to

READY_SECONDS = 60


@pytest.fixture(scope="module")
def apart(config):
    engine = EngineApart(config(max_new_tokens=48))
    engine.start()
    assert engine.wait_ready(READY_SECONDS), engine.error
    yield engine
    engine.stop()


@pytest.fixture
def make_apart(config):
    made = []

    def make(*command, start=True, **settings):
        engine = EngineApart(config(**settings), *([command] if command else []))
        made.append(engine)
        if start:
            engine.start()
        return engine

    yield make
    for engine in made:
        engine.stop()


def test_it_answers_as_an_engine_in_this_process_does(apart, config):
    here = Engine(
        lambda progress: load(config(max_new_tokens=48), progress), max_waiting=9, max_running=9
    )
    here.start()
    got = []
    for engine in (here, apart):
        inbox = Inbox(2)
        engine.submit(both("Where is order 4711?"), inbox)
        end = ends(inbox)
        got.append((inbox.streamed, end["reply"].text, end["sentiment"].logprobs))
    here.stop()
    assert got[0] == got[1]
    assert apart.model_id == here.model_id


def test_events_come_on_the_loop_that_asked(apart):
    async def ask():
        threads, done = set(), asyncio.Event()

        def deliver(event):
            threads.add(threading.current_thread())
            if isinstance(event, Finished):
                done.set()

        apart.submit(reply_to("Hello"), deliver, asyncio.get_running_loop())
        async with asyncio.timeout(READY_SECONDS):
            await done.wait()
        return threads

    assert asyncio.run(ask()) == {threading.current_thread()}


def test_many_requests_at_once_each_get_their_own_answer(apart):
    inboxes = [Inbox(2) for _ in range(24)]
    for number, inbox in enumerate(inboxes):
        apart.submit(both(f"Order {number % 3}"), inbox)
    texts = [ends(inbox)["reply"].text for inbox in inboxes]
    assert [inbox.streamed for inbox in inboxes] == texts
    assert texts == texts[:3] * 8


def test_a_cancelled_reply_ends_with_what_it_has(apart):
    inbox = Inbox()
    ticket = apart.submit(reply_to("Tell me everything"), inbox)
    inbox.wait_for(Delta)
    apart.cancel(ticket)
    assert ends(inbox)["reply"].text == inbox.streamed


def test_how_long_first_tokens_took_is_known_here(apart):
    inbox = Inbox()
    before = apart.first_tokens.report()["n"]
    apart.submit(reply_to("Hello"), inbox)
    ends(inbox)
    assert apart.first_tokens.report()["n"] == before + 1


def test_a_ctrl_c_in_the_terminal_does_not_take_the_model_away(apart):
    os.kill(apart.pid, signal.SIGINT)
    os.kill(apart.pid, signal.SIGTERM)
    inbox = Inbox()
    apart.submit(reply_to("Still there?"), inbox)
    assert isinstance(ends(inbox)["reply"], Finished)


def test_requests_made_before_the_start_are_answered(make_apart):
    engine, inbox = make_apart(start=False), Inbox(2)
    assert engine.state == "new"
    engine.submit(both("Hello"), inbox)
    engine.start()
    assert isinstance(ends(inbox)["sentiment"], Classified)
    assert (engine.state, engine.progress, engine.error) == ("ready", 1.0, None)


def test_a_process_that_is_killed_fails_what_was_open_and_is_started_again(make_apart):
    engine, lost, next_one = make_apart(), Inbox(2), Inbox()
    assert engine.wait_ready(READY_SECONDS)
    os.kill(engine.pid, signal.SIGSTOP)  # so that it answers nothing more
    engine.submit(both("Hello"), lost)
    before = engine.pid
    os.kill(engine.pid, signal.SIGKILL)
    assert all(isinstance(event, Failed) for event in lost.wait())
    assert "signal 9" in lost.events[0].message
    engine.submit(reply_to("And now?"), next_one)
    assert isinstance(ends(next_one)["reply"], Finished)
    assert engine.pid != before


def test_a_process_that_dies_before_its_model_is_loaded_is_a_failure(make_apart):
    engine, inbox = make_apart(sys.executable, "-c", "raise SystemExit(3)", start=False), Inbox()
    engine.submit(reply_to("Hello"), inbox)
    engine.start()
    assert not engine.wait_ready(READY_SECONDS)
    assert isinstance(ends(inbox)["reply"], Failed)
    assert (engine.state, engine.error) == ("failed", "The model's process ended (exit code 3).")
    with pytest.raises(EngineFailed, match="exit code 3"):
        engine.submit(reply_to("Hello"), Inbox())


def test_a_command_that_is_not_there_is_a_failure(make_apart):
    engine = make_apart("/nowhere/python")
    assert not engine.wait_ready(READY_SECONDS)
    assert "/nowhere/python" in engine.error


def test_a_model_that_cannot_be_loaded_is_told_as_ever(make_apart, config, tmp_path):
    engine = EngineApart(config().__class__(model=str(tmp_path / "nothing")))
    engine.start()
    assert not engine.wait_ready(READY_SECONDS)
    assert "INFERENCE_MODEL" in engine.error
    engine.stop()


def test_more_than_may_wait_is_refused_and_leaves_nothing_behind(make_apart):
    engine = make_apart(start=False, max_waiting=3)
    engine.submit(both("Hello"), Inbox(2))
    assert engine.has_room(1)
    assert not engine.has_room(2)
    with pytest.raises(QueueFull):
        engine.submit(both("Hello"), Inbox(2))
    assert engine.has_room(1)


def test_stopping_fails_what_is_open_and_ends_the_process(make_apart):
    engine, inbox = make_apart(), Inbox(2)
    assert engine.wait_ready(READY_SECONDS)
    os.kill(engine.pid, signal.SIGSTOP)
    engine.submit(both("Hello"), inbox)
    os.kill(engine.pid, signal.SIGCONT)
    engine.stop()
    assert len(inbox.wait()) >= 2
    assert not psutil.pid_exists(engine.pid)
    with pytest.raises(EngineStopped):
        engine.submit(both("Hello"), Inbox(2))


def test_a_process_that_does_not_leave_is_killed(make_apart):
    engine = make_apart()
    assert engine.wait_ready(READY_SECONDS)
    os.kill(engine.pid, signal.SIGSTOP)
    engine.stop(timeout=0.2)
    assert not psutil.pid_exists(engine.pid)


def test_the_model_leaves_with_a_web_process_that_is_killed_which_needs_no_torch(config):
    script = (
        "import sys\n"
        "from inference.apart.engine import EngineApart\n"
        "from inference.config import InferenceConfig\n"
        f"engine = EngineApart(InferenceConfig({config().model!r}, threads=1))\n"
        "engine.start()\n"
        "print(engine.wait_ready(60), 'torch' in sys.modules, engine.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    web = subprocess.Popen([sys.executable, "-c", script], text=True, **pipes)
    ready, torch, pid = web.stdout.readline().split()
    assert (ready, torch) == ("True", "False")
    model = psutil.Process(int(pid))
    web.kill()
    web.communicate()
    model.wait(READY_SECONDS)
