"""A support desk with a scripted engine, and visitors that speak the protocol."""

import asyncio

import pytest

from chat import bell, calibrations, turns, upkeep
from chat.conversations import open_conversation
from inference import presets, resident
from inference.calibration import digest
from inference.sequence import REPLY
from inference.tasks import Affine
from tests.chat.visitor import Visitor
from tests.inference.scripted import ScriptedEngine

LABELS = tuple(label["name"] for label in presets.SENTIMENT.labels)


class DeskEngine(ScriptedEngine):
    """Ships a calibration, so the only requests are those of turns."""

    calibrations = {digest(presets.SENTIMENT.prompt, LABELS): Affine()}

    async def replying(self) -> int:
        """The ticket of the running reply, once its turn has reached the engine."""
        async with asyncio.timeout(5):
            while not (tickets := [each for each, part in self.open_parts() if part == REPLY]):
                await asyncio.sleep(0.01)
        return max(tickets)


@pytest.fixture
def engine(monkeypatch):
    """An engine that answers at once; `by_hand` gives one whose answers the test writes."""
    return _install(monkeypatch, DeskEngine(reply="Hello there, friend.", label="Neutral"))


@pytest.fixture
def by_hand(monkeypatch):
    return _install(monkeypatch, DeskEngine(label="Neutral"))


def _install(monkeypatch, engine: ScriptedEngine) -> ScriptedEngine:
    monkeypatch.setattr(upkeep, "SWEEP_SECONDS", 3600)
    monkeypatch.setattr(calibrations, "_ensured", set())
    resident.install(engine)
    return engine


@pytest.fixture
def conversation(transactional_db):
    return open_conversation(language="en")


@pytest.fixture
async def visit(conversation):
    """Opens sockets on the conversation: `await visit()` has said hello and read its snapshot."""
    sockets: list[Visitor] = []

    async def arrive(**kwargs) -> Visitor:
        sockets.append(visitor := Visitor(conversation.pk))
        await visitor.arrive(**kwargs)
        return visitor

    yield arrive
    for socket in sockets:
        await socket.leave()
    await quiet()
    bell._watches.clear()


async def quiet() -> None:
    """Cancel and await whatever turns a test left running, so none reaches into the next test."""
    tasks = list(turns._running.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    turns._replying.clear()
    await upkeep.rest()
    await turns.in_thread(int)()  # a task that was cancelled may have left its verb in the thread
