"""Events on their way out: in order, one wake-up for each event loop and step."""

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from inference.sequence import Event

logger = logging.getLogger(__name__)

Deliver = Callable[[Event], None]


class Loop(Protocol):
    """What an outbox needs of an event loop: to be woken from another thread."""

    def call_soon_threadsafe(self, callback: Callable, *args): ...


Target = tuple[Deliver, Loop | None]


class Outbox:
    """Collects events from any thread; one thread at a time posts them, the others leave it to it.

    So callbacks may submit and cancel, and no event overtakes an earlier one.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._events: list[tuple[Target, Event]] = []
        self._flushing = False

    def put(self, target: Target, event: Event) -> None:
        with self._lock:
            self._events.append((target, event))

    def flush(self) -> None:
        """Post everything, also what comes in meanwhile; never raises what a receiver raises."""
        with self._lock:
            if self._flushing:
                return
            self._flushing = True
        while True:
            with self._lock:
                batch, self._events = self._events, []
                self._flushing = bool(batch)
            if not batch:
                return
            _post(batch)


def _post(batch: list[tuple[Target, Event]]) -> None:
    by_loop: dict[Loop | None, list[tuple[Deliver, Event]]] = {}
    for (deliver, loop), event in batch:
        by_loop.setdefault(loop, []).append((deliver, event))
    for loop, events in by_loop.items():
        if loop is None:
            _deliver(events)
            continue
        try:
            loop.call_soon_threadsafe(_deliver, events)
        except RuntimeError:  # the loop was closed: its people are gone
            logger.info("%d events had nobody left to go to", len(events))


def _deliver(events: list[tuple[Deliver, Event]]) -> None:
    for deliver, event in events:
        try:
            deliver(event)
        except Exception as error:  # its own fault; the message could hold what people wrote
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("An event's receiver raised %s\n%s", type(error).__name__, where)
