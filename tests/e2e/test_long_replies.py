"""Replies that take seconds: stopped, started over, cut off and taken up again."""

import json
import re

import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect

from tests.e2e.line import Line
from tests.e2e.visitor import Visitor
from tests.site import Site

SOME_TEXT = re.compile(r"\S.{40}", re.DOTALL)
RUNNING = ("queued", "streaming")
COMPOSING_ESCAPE = """(box) => box.dispatchEvent(
  new KeyboardEvent("keydown", { key: "Escape", isComposing: true, bubbles: true }))"""


@pytest.fixture
def line(endless_site):
    """A line to the endless site that can be cut."""
    line = Line(endless_site.port)
    yield line
    line.close()


@pytest.fixture
def asking(visit, endless_site):
    """Opens the chat and waits for the first words of a long reply, which ends with the test."""
    visitors: list[Visitor] = []

    def ask(port: int = endless_site.port) -> Visitor:
        visitor = visit(f"http://127.0.0.1:{port}/")
        visitors.append(visitor)
        visitor.say("Tell me everything")
        expect(visitor.streaming).to_have_text(SOME_TEXT)
        return visitor

    yield ask
    for visitor in visitors:
        stop_replies(endless_site, visitor.conversation())


def test_a_visitor_stops_a_reply_and_keeps_what_was_said(asking):
    visitor = asking()
    visitor.button("Stop the reply").click()
    assert visitor.text_of(0, "stopped") == visitor.rendered(visitor.stored()[1]["text"])
    expect(visitor.replies.first).to_contain_text("You stopped this reply.")
    expect(visitor.button("Stop the reply")).to_be_hidden()


def test_a_stopped_reply_starts_over_in_its_place(asking):
    visitor = asking()
    visitor.box.press("Escape")
    visitor.button("Try again").click()
    expect(visitor.streaming).to_have_text(SOME_TEXT)
    rows = [(row["role"], row["attempt"]) for row in visitor.stored()]
    assert rows == [("visitor", 1), ("assistant", 2)]


def test_escape_that_leaves_an_input_methods_words_does_not_stop_the_reply(asking):
    visitor = asking()
    visitor.box.evaluate(COMPOSING_ESCAPE)
    before = visitor.streaming.text_content()
    expect(visitor.streaming).to_have_text(longer_than(before))
    visitor.box.press("Escape")
    visitor.text_of(0, "stopped")


def test_a_cut_line_in_mid_reply_resumes_without_a_reload(asking, line):
    visitor = asking(line.port)
    line.cut()
    expect(visitor.banner).to_contain_text("Reconnecting")
    before = visitor.streaming.text_content()
    line.mend()
    expect(visitor.streaming).to_have_text(longer_than(before))
    expect(visitor.banner).to_be_hidden()
    visitor.box.press("Escape")
    assert visitor.text_of(0, "stopped") == visitor.rendered(visitor.stored()[1]["text"])


def test_a_reply_that_ends_while_the_line_is_cut_is_there_afterwards(asking, line, endless_site):
    visitor = asking(line.port)
    line.cut()
    expect(visitor.banner).to_contain_text("Reconnecting")
    stop_replies(endless_site, visitor.conversation())
    line.mend()
    assert visitor.text_of(0, "stopped") == visitor.rendered(visitor.stored()[1]["text"])


def test_what_is_written_without_a_line_goes_out_once_it_is_back(asking, line):
    visitor = asking(line.port)
    line.cut()
    expect(visitor.banner).to_contain_text("Reconnecting")
    visitor.say("And one more thing")
    expect(visitor.page.locator(".unsent")).to_contain_text("Goes out when the connection is back")
    line.mend()
    expect(visitor.own).to_have_text(["Tell me everything", "And one more thing"])


def test_too_many_waiting_messages_stay_with_the_visitor(asking):
    visitor = asking()
    for number in range(5):
        visitor.say(f"Question {number}")
    expect(visitor.own).to_have_count(6)
    visitor.say("One too many")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Several messages still wait")
    expect(visitor.box).to_have_value("One too many")


def test_two_tabs_of_one_conversation_stay_in_step(asking):
    first = asking()
    second = first.another_tab()
    expect(second.streaming).to_have_text(SOME_TEXT)
    second.button("Stop the reply").click()
    assert first.text_of(0, "stopped") == second.text_of(0, "stopped")
    second.say("From the second tab")
    expect(first.own).to_have_text(["Tell me everything", "From the second tab"])


def test_a_reload_in_mid_reply_goes_on_where_it_was(asking):
    visitor = asking()
    before = visitor.streaming.text_content()
    visitor.page.reload()
    expect(visitor.streaming).to_have_text(longer_than(before))


@pytest.fixture
def mortal_site(endless_settings, tmp_path):
    with Site(tmp_path, **endless_settings) as site:
        yield site
        assert site.stop() == 0, site.log


def test_a_server_that_is_killed_in_mid_reply_comes_back_to_the_same_page(visit, mortal_site):
    visitor = visit(mortal_site.address)
    visitor.say("Tell me everything")
    expect(visitor.streaming).to_have_text(SOME_TEXT)
    mortal_site.kill()
    expect(visitor.banner).to_contain_text("Reconnecting")
    mortal_site.start()
    expect(visitor.replies.first).to_contain_text("The reply was cut off.")
    visitor.button("Try again").click()
    expect(visitor.streaming).to_have_text(SOME_TEXT)


def longer_than(text: str) -> re.Pattern:
    """Matches what the expectation sees of a longer text: it folds blanks."""
    return re.compile(re.escape(" ".join(text.split())[:200]) + r".{20}", re.DOTALL)


def stop_replies(site: Site, conversation: dict) -> None:
    """Stop all replies from a socket of its own, the last first, and wait until they have ended."""
    address = site.address.replace("http", "ws") + conversation["ws"]
    with connect(address, origin=site.address) as socket:
        for frame in ({"type": "hello", "token": conversation["token"]}, {"type": "ping"}):
            socket.send(json.dumps(frame))
        rows: list[dict] = []
        while (frame := json.loads(socket.recv(timeout=15)))["type"] != "pong":
            rows.append(frame)
        running = {row["seq"] for row in rows if row.get("state") in RUNNING}
        for seq in sorted(running, reverse=True):
            socket.send(json.dumps({"type": "stop", "seq": seq}))
        while running:
            frame = json.loads(socket.recv(timeout=15))
            running -= {frame["seq"]} if frame["type"] == "done" else set()
