"""`manage.py up --demo`: it fills an empty database only, and says why it did not."""

import io
import time

import pytest

from aio_site.management.commands.up import Command
from inference import resident
from tests.chat.desk import conversation, says
from tests.inference import tiny
from tests.inference.scripted import ScriptedEngine
from tests.site import Site, manage


@pytest.fixture
def demo(tmp_path):
    """`demo(**settings)` is `up --demo` on the data of this test."""
    return lambda **settings: Site(tmp_path, arguments=("--demo",), **settings)


def said(site: Site, words: str) -> bool:
    """Whether the running server says this, sooner or later."""
    until = time.monotonic() + 60
    while words not in site.log and time.monotonic() < until:
        time.sleep(0.1)
    return words in site.log


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (("seed_bulk", "--conversations", "1", "--messages", "2"), "Demo: left out"),
        (("seed_demo", "--conversations", "1"), "Demo: its conversations are there already"),
    ],
)
def test_a_database_with_conversations_is_served_as_it_is(demo, tmp_path, fill, words):
    for command in (("migrate", "-v", "0"), fill):
        assert manage(*command, data_dir=tmp_path / "data").returncode == 0
    with demo() as site:
        assert said(site, words)
        assert said(site, "is ready")
        conversations = site.manage("export", "conversations", "--format", "jsonl")
        assert site.stop() == 0
    assert len(conversations.splitlines()) == 1


def test_conversations_that_nobody_wrote_in_leave_room_for_the_demo(db):
    talk = conversation()
    out = io.StringIO()
    assert Command(stdout=out).has_room_for_demo()
    says(talk, "Hello", "Neutral")
    assert not Command(stdout=out).has_room_for_demo()
    assert "Demo: left out" in out.getvalue()


def test_a_demo_that_breaks_off_says_why(db):
    engine = ScriptedEngine()
    engine.stop()
    before = resident.install(engine)
    out = io.StringIO()
    Command(stdout=out).make_demo()
    resident.install(before)
    assert "Demo: not made to the end. " in out.getvalue()


def test_what_nobody_foresaw_is_said_while_the_server_runs(demo, tmp_path):
    narrow = {"INFERENCE_CONTEXT": "64", "INFERENCE_MAX_NEW_TOKENS": "8"}  # no task's prompt fits
    with demo(INFERENCE_MODEL=str(tiny.build(tmp_path / "tiny")), **narrow) as site:
        assert said(site, "the server goes on")
        assert "RuntimeError: Calibrating" in site.log
        assert site.stop() == 0
