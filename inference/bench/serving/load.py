"""The load: conversations side by side that all speak at the same moment, again and again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from inference.bench.serving.client import Client, conversation

BETWEEN = 0.02  # seconds between a pong and the next ping
OPENINGS = (
    "Where is my order {}? It should have been here days ago.",
    "I want to send item {} back, how does that work?",
    "Your app signed me out again, error {}. What can I do?",
    "Invoice {} is wrong, you charged me twice!",
    "Thanks, number {} arrived today and I love it.",
    "Can you change the address of parcel {} for me?",
)
Tick = Callable[[], object]


@dataclass(frozen=True)
class Load:
    """How much is asked: `places` conversations at a time, then as many others."""

    places: int = 16
    conversations: int = 4  # of a place, one after the other
    turns: int = 4  # of a conversation

    @property
    def messages(self) -> int:
        return self.places * self.conversations * self.turns

    def rounds(self, number: int) -> Iterator[list[str]]:
        """For every turn of the conversations of this number, what is said in each place."""
        for turn in range(self.turns):
            yield [_text(place, number, turn) for place in range(self.places)]


@dataclass
class Times:
    """What the clients saw, in ms."""

    first_tokens: list[float] = field(default_factory=list)
    echoes: list[float] = field(default_factory=list)


async def put(load: Load, address: str, tick: Tick) -> Times:
    """Put the load on the server at this address; `tick` is called after every reply.

    Echoes count while all replies of a round are to come.

    Raises:
        BenchError: the server refused something or fell silent.
    """
    times = Times()
    async with conversation(address) as other:
        for number in range(load.conversations):
            async with AsyncExitStack() as stack:
                opened = [
                    await stack.enter_async_context(conversation(address))
                    for _ in range(load.places)
                ]
                for texts in load.rounds(number):
                    await _round(opened, texts, other, times, tick)
    return times


async def _round(
    clients: list[Client], texts: list[str], other: Client, times: Times, tick: Tick
) -> None:
    asked = [
        asyncio.create_task(client.ask(text)) for client, text in zip(clients, texts, strict=True)
    ]
    echoing = asyncio.create_task(_echo_until(asked, other, times))
    tasks = [*asked, echoing]
    try:
        for task in asyncio.as_completed(asked):
            first = await task
            times.first_tokens += [] if first is None else [first]
            tick()
        await echoing
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _echo_until(asked: list[asyncio.Task], other: Client, times: Times) -> None:
    while not any(task.done() for task in asked):
        times.echoes.append(await other.echo())
        await asyncio.sleep(BETWEEN)


def _text(place: int, number: int, turn: int) -> str:
    """Never the same twice, or the server would know its label already."""
    opening = OPENINGS[(place + turn) % len(OPENINGS)]
    return opening.format(10_000 + 1_000 * place + 100 * number + turn)
