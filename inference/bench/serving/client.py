"""A client of the server, written from docs/protocol.md alone: it keeps time, and no text."""

import json
import time
from asyncio import timeout, to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.error import URLError
from urllib.request import Request, urlopen

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from inference.bench.errors import BenchError

HANG = 120  # seconds without a frame that are a defect, not slowness


class Client:
    """One conversation on one socket."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._said = 0

    async def ask(self, text: str) -> float | None:
        """Say something and wait for the end of the reply; ms from asking to its first text.

        None: the reply was empty.

        Raises:
            BenchError: the server refused the message, or was silent for two minutes.
        """
        self._said += 1
        asked, first = time.perf_counter(), None
        await self._send("message", client_id=str(self._said), text=text)
        while (frame := await self._next())["type"] != "done":
            if frame["type"] == "delta" and first is None:
                first = 1000 * (time.perf_counter() - asked)
        return first

    async def echo(self) -> float:
        """Ping; ms to the pong."""
        asked = time.perf_counter()
        await self._send("ping")
        await self._until("pong")
        return 1000 * (time.perf_counter() - asked)

    async def hello(self, token: str) -> None:
        await self._send("hello", token=token, rev=0)
        await self._until("ready")
        await self.echo()  # marks the end of what comes after ready

    async def _until(self, kind: str) -> None:
        while (await self._next())["type"] != kind:
            pass

    async def _send(self, kind: str, **fields) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def _next(self) -> dict:
        try:
            async with timeout(HANG):
                frame = json.loads(await self._socket.recv())
        except TimeoutError:
            raise BenchError(f"The server sent nothing for {HANG} seconds.") from None
        except WebSocketException as error:
            raise BenchError(f"The server closed a socket: {error}") from error
        if frame["type"] == "error":
            raise BenchError(f"The server answered {frame['code']}: {frame['message']}")
        return frame


@asynccontextmanager
async def conversation(address: str) -> AsyncIterator[Client]:
    """A new conversation, ready to be asked in.

    Args:
        address: of the server, `http://host:port`.

    Raises:
        BenchError: the server refuses.
    """
    try:
        opened = await to_thread(_open, address)
        line = address.replace("http", "ws", 1) + opened["ws"]
        async with connect(line, origin=address, compression=None) as socket:
            client = Client(socket)
            await client.hello(opened["token"])
            yield client
    except (URLError, OSError, WebSocketException) as error:
        raise BenchError(f"The server refuses a conversation: {error}") from error


def _open(address: str) -> dict:
    headers = {"Origin": address, "Content-Type": "application/json"}
    request = Request(f"{address}/api/conversations", b"{}", headers)
    with urlopen(request, timeout=HANG) as answer:
        return json.load(answer)
