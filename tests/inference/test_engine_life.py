"""The engine's life, from new to stopped: nobody hangs, whenever it ends."""

import subprocess
import sys

import pytest

from inference.errors import EngineFailed, EngineStopped, ModelError
from inference.sequence import Classified, Delta, Failed, Finished
from tests.inference.inbox import Inbox, both, ends, reply_to
from tests.inference.scripted import ScriptedEngine


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


def test_the_scripted_engine_has_the_same_interface(engine):
    public = {name for name in dir(engine) if not name.startswith("_")}
    assert public <= set(dir(ScriptedEngine()))
