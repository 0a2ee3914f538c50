"""Await the answer to one part of a request, or the end of one reply, on an event loop."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from inference.sequence import Delta, Event
from inference.tasks import Classify, Extract, Reply, Request

if TYPE_CHECKING:
    from inference.engine import Engine


async def answer(engine: "Engine", part: Classify | Extract) -> Event:
    """The part's terminal event. Who stops waiting for it cancels it.

    Raises:
        EngineRefusal: the engine takes no work.
    """
    return await _terminal(engine, Request.of([part]))


async def reply(engine: "Engine", asked: Reply) -> Event:
    """The reply's terminal event, with its whole text. Who stops waiting for it cancels it.

    Raises:
        EngineRefusal: the engine takes no work.
    """
    return await _terminal(engine, Request(reply=asked))


async def _terminal(engine: "Engine", request: Request) -> Event:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Event] = loop.create_future()
    ticket = engine.submit(request, partial(_settle, answered), loop)
    try:
        return await answered
    except asyncio.CancelledError:
        engine.cancel(ticket)
        raise


def _settle(answered: asyncio.Future, event: Event) -> None:
    # Nobody waits for a cancelled one any more, nor for the pieces of a reply.
    if not answered.done() and not isinstance(event, Delta):
        answered.set_result(event)
