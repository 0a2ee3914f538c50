"""What breaks in the middle fails alone, and the engine goes on."""

import asyncio
import dataclasses

import pytest

from inference.loading import load
from inference.sequence import Failed, Finished
from tests.inference.flawed import become_nan, explode, flawed
from tests.inference.inbox import Inbox, both, ends, finished, reply_to


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


def test_a_request_that_no_memory_could_hold_fails_by_the_settings_name(config, make_engine):
    small = dataclasses.replace(load(config()), config=config(kv_mb=0))
    engine, inbox = make_engine(small), Inbox(2)
    engine.submit(both("Hello"), inbox)
    for event in ends(inbox).values():
        assert isinstance(event, Failed)
        assert "INFERENCE_KV_MB" in event.message
