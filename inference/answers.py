"""Await the answer to one classification, on an event loop."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from inference.sequence import Event
from inference.tasks import Classify, Request

if TYPE_CHECKING:
    from inference.engine import Engine


async def answer(engine: "Engine", part: Classify) -> Event:
    """The part's terminal event. Who stops waiting for it cancels it.

    Raises:
        EngineRefusal: the engine takes no work.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Event] = loop.create_future()
    ticket = engine.submit(Request(classify=(part,)), partial(_settle, answered), loop)
    try:
        return await answered
    except asyncio.CancelledError:
        engine.cancel(ticket)
        raise


def _settle(answered: asyncio.Future, event: Event) -> None:
    if not answered.done():  # nobody waits for a cancelled one any more
        answered.set_result(event)
