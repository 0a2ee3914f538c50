"""Daphne in this process: the site, the model beside it, and an orderly end to both."""

# Twisted is sensitive to import order: this comes before anything that may import a reactor.
from daphne.server import Server  # isort:skip

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

from daphne.endpoints import build_endpoint_description_strings
from twisted.internet import defer, reactor

log = logging.getLogger(__name__)
MAX_MESSAGE = 1024 * 1024  # bytes; over it Daphne drops the socket without a word
# The engine thread runs Python between its kernels; the default 5 ms made echoes take 33 ms.
SWITCH_SECONDS = 0.0005


def serve(
    host: str,
    port: int,
    *,
    started: Callable[[], Awaitable[None]],
    stopping: Callable[[], Awaitable[None]],
) -> bool:
    """Serve until SIGINT, SIGTERM or `stop`; False if the address could not be listened on.

    `started` runs on the event loop beside the server, `stopping` before sockets are closed.
    """
    from aio_site.asgi import application

    sys.setswitchinterval(SWITCH_SECONDS)
    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        signal_handlers=True,
        websocket_max_message_size=MAX_MESSAGE,
        websocket_max_frame_size=MAX_MESSAGE,
        application_close_timeout=10,
    )
    background: list[asyncio.Task] = []  # a task nobody holds may be collected
    reactor.callLater(0, lambda: background.append(asyncio.ensure_future(_beside(started))))
    reactor.addSystemEventTrigger("before", "shutdown", _deferred, stopping)
    server.run()
    _drain(asyncio.get_event_loop())
    return not server.abort_start


def stop() -> None:
    """End `serve`; call it on the event loop."""
    if reactor.running:
        reactor.stop()


async def _beside(started: Callable[[], Awaitable[None]]) -> None:
    """Nobody awaits this while the server runs, so it says itself what went wrong."""
    try:
        await started()
    except Exception:
        log.exception("What was to happen at the start failed; the server goes on")


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """End what is still pending, as asyncio.run would; Daphne leaves the tasks of open sockets.

    Collected by a dying interpreter instead, they crashed it (Python 3.11).
    """
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())


def _deferred(coroutine_function: Callable[[], Awaitable[None]]) -> defer.Deferred:
    return defer.Deferred.fromFuture(asyncio.ensure_future(coroutine_function()))
