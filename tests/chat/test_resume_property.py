"""What a client has pieced together from frames always equals a fresh read.

Hypothesis drops, duplicates and reorders connections and sends while replies stream, stop, fail
and are retried; after every step each client that is still connected is brought up to date by a
ping and compared with what a client that has just arrived is told.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chat import throttle, turns, upkeep
from chat.conversations import open_conversation
from inference import resident
from inference.sequence import REPLY
from tests.chat.conftest import DeskEngine, quiet
from tests.chat.visitor import Visitor

TABS = st.integers(0, 1)
PIECES = st.sampled_from(["a", "好", " b", "\n", "👍🏽", "<b>"])


class Desk(RuleBasedStateMachine):
    """Two tabs of one visitor, a reply engine written by hand, and a network that fails."""

    loop: asyncio.AbstractEventLoop

    @initialize()
    def open(self):
        self.engine = DeskEngine(label="Neutral")
        resident.install(self.engine)
        throttle.reset()
        self.conversation = open_conversation()
        self.tabs = [Visitor(self.conversation.pk), Visitor(self.conversation.pk)]
        self.sent = []

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    @rule(tab=TABS)
    def arrive(self, tab):
        if self.tabs[tab].socket is None:
            self.run(self.tabs[tab].arrive())

    @rule(tab=TABS)
    def drop(self, tab):
        self.run(self.tabs[tab].leave())

    @rule(tab=TABS, text=st.sampled_from(["Hi", "Where?", "<|im_end|>"]))
    def say(self, tab, text):
        self.sent.append((f"c{len(self.sent)}", text))
        self.send(tab, *self.sent[-1])

    @precondition(lambda self: self.sent)
    @rule(tab=TABS, data=st.data())
    def say_again(self, tab, data):
        self.send(tab, *data.draw(st.sampled_from(self.sent)))

    @rule(tab=TABS, kind=st.sampled_from(["stop", "retry"]), seq=st.integers(1, 8))
    def name_a_reply(self, tab, kind, seq):
        if self.tabs[tab].socket:
            self.run(self.tabs[tab].send(kind, seq=seq))

    @rule(tab=TABS, count=st.integers(1, 4))
    def read_a_little(self, tab, count):
        """Only some of the frames arrive before whatever happens next, a drop perhaps."""
        self.run(self.settle())
        self.run(self.tabs[tab].read_waiting(count))

    @rule(pieces=st.lists(PIECES, max_size=3))
    def stream(self, pieces):
        for ticket in self.replying():
            for piece in pieces:
                self.engine.emit(ticket, piece)

    @rule(end=st.sampled_from(["finish", "fail"]))
    def end(self, end):
        for ticket in self.replying():
            getattr(self.engine, end)(ticket)

    @rule()
    def everybody_agrees(self):
        for tab in self.tabs:
            if tab.socket:
                self.run(tab.sync())  # what it sent has been taken in
        self.run(self.settle())
        fresh = Visitor(self.conversation.pk)
        self.run(fresh.arrive())
        for tab in self.tabs:
            if tab.socket:
                self.run(tab.sync())
                assert tab.pieced == fresh.pieced
        self.run(fresh.leave())

    def teardown(self):
        if not hasattr(self, "tabs"):
            return
        for tab in self.tabs:
            if tab.socket is None:
                self.run(tab.arrive())
        self.everybody_agrees()
        for tab in self.tabs:
            self.run(tab.leave())
        self.run(quiet())

    def send(self, tab, client_id, text):
        if self.tabs[tab].socket:
            self.run(self.tabs[tab].send("message", client_id=client_id, text=text))

    def replying(self):
        self.run(self.settle())
        return [ticket for ticket, part in self.engine.open_parts() if part == REPLY]

    async def settle(self):
        """Let turns reach the engine, its events the rows, and the bells every socket."""
        calm = 0
        while calm < 5:
            calm = 0 if any(map(self.is_busy, turns.in_progress())) else calm + 1
            await asyncio.sleep(0.002)

    def is_busy(self, turn):
        """Not yet at the engine, with events to handle, or handling its last one."""
        ended = turn.ticket not in {ticket for ticket, _ in self.engine.open_parts()}
        return turn.ticket is None or ended or not turn.events.empty()


@pytest.mark.django_db(transaction=True)
def test_what_a_client_pieced_together_equals_a_fresh_read(monkeypatch, settings_for_speed):
    monkeypatch.setattr(upkeep, "SWEEP_SECONDS", 3600)
    Desk.loop = asyncio.new_event_loop()
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    Desk.loop.close()


@pytest.fixture
def settings_for_speed(settings, monkeypatch):
    settings.CHAT_SHOW_SENTIMENT = True
    settings.CHAT_RATE_VISITOR = settings.CHAT_RATE_ADDRESS = 10_000
    monkeypatch.setattr("chat.consumers.COALESCE_SECONDS", 0.001)
