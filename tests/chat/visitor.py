"""A client written from docs/protocol.md alone: it pieces a conversation together from frames."""

import asyncio
import json
from uuid import UUID

from channels.testing import WebsocketCommunicator

from aio_site.asgi import application
from chat import visitors
from chat.models import Message

ORIGIN = (b"origin", b"http://localhost")
HOST = (b"host", b"localhost")
ENDED = ("done", "stopped", "interrupted", "failed")


class Visitor:
    """One browser tab: `rows` and `rev` survive a dropped socket, as in a real page."""

    def __init__(self, conversation_id: UUID, token: str | None = None):
        self.path = f"/ws/chat/{conversation_id}/"
        self.token = token if token is not None else visitors.token_for(conversation_id)
        self.rows: dict[int, dict] = {}
        self.rev = 0
        self.frames: list[dict] = []  # everything received on the present socket
        self.status = ""
        self.socket: WebsocketCommunicator | None = None

    async def connect(self, headers=(HOST, ORIGIN), client=("127.0.0.1", 5000)):
        self.frames = []
        self.socket = WebsocketCommunicator(application, self.path, headers=list(headers))
        self.socket.scope["client"] = list(client)
        return await self.socket.connect()

    async def arrive(self, **kwargs) -> dict:
        """Connect, say hello, read the snapshot to its end; returns the `ready` frame."""
        connected, _ = await self.connect(**kwargs)
        assert connected
        await self.send("hello", token=self.token, rev=self.rev)
        ready = await self.receive("ready")
        await self.sync()
        return ready

    async def leave(self) -> None:
        if self.socket:
            await self.socket.disconnect()
            self.socket = None

    async def send(self, kind: str, **fields) -> None:
        await self.socket.send_to(text_data=json.dumps({"type": kind, **fields}))

    async def send_raw(self, text=None, data=None) -> None:
        await self.socket.send_to(text_data=text, bytes_data=data)

    async def say(self, text: str, client_id: str = "c1") -> tuple[dict, dict]:
        """Send a message; returns its acknowledgement and the row of its reply."""
        await self.send("message", client_id=client_id, text=text)
        mine = await self.receive("message", client_id=client_id)
        return mine, await self.receive("message", role="assistant")

    async def next(self, timeout: float = 5) -> dict:
        frame = await self.socket.receive_json_from(timeout)
        self.frames.append(frame)
        self.apply(frame)
        return frame

    async def receive(self, kind: str, **fields) -> dict:
        """Read on until a frame of this kind with these fields comes."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and fields.items() <= frame.items():
                return frame

    async def read_waiting(self, count: int) -> None:
        """Read at most so many of the frames that have arrived by now."""
        for _ in range(count):
            if self.socket and not self.socket.output_queue.empty():
                await self.next()

    async def sync(self) -> None:
        """Everything the server sends before the answer to a ping."""
        await self.send("ping")
        await self.receive("pong")

    async def closed(self) -> int:
        """Read on until the server closes; returns the code."""
        while True:
            event = await self.socket.receive_output(5)
            if event["type"] == "websocket.close":
                return event["code"]
            self.frames.append(json.loads(event["text"]))

    def apply(self, frame: dict) -> None:
        """What docs/protocol.md tells a client to do with each frame."""
        match frame["type"]:
            case "ready" | "status":
                self.status = frame["status"]
            case "message":
                self.rows[frame["seq"]] = dict(frame)
            case "delta":
                row = self.rows[frame["seq"]]
                assert row["attempt"] == frame["attempt"]
                row["state"] = "streaming"
                row["text"] += frame["text"]
            case "done":
                row = self.rows[frame["seq"]]
                assert row["attempt"] == frame["attempt"]
                assert row["text"] == frame["text"], "deltas must concatenate to done.text"
                row["state"] = frame["state"]
            case "sentiment":
                mood = {key: frame[key] for key in ("label", "confidence", "score", "scores")}
                self.rows[frame["seq"]]["sentiment"] = mood
        self.rev = max(self.rev, frame.get("rev", 0) if frame["type"] != "ready" else 0)

    @property
    def pieced(self) -> list[tuple]:
        """The conversation as this client has it, without what a fresh read may differ in."""
        keys = ("seq", "role", "text", "state", "attempt", "client_id", "sentiment")
        return [tuple(str(row[key]) for key in keys) for _, row in sorted(self.rows.items())]

    async def until(self, condition) -> None:
        """Let the server work until a condition holds, for at most five seconds."""
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_state(self, seq: int, state: str) -> None:
        async with asyncio.timeout(5):
            while (await Message.objects.aget(seq=seq)).state != state:
                await asyncio.sleep(0.01)

    async def receive_label(self, seq: int) -> None:
        """Wait until the visitor's message has its label stored."""
        async with asyncio.timeout(5):
            while not (await Message.objects.aget(seq=seq)).label:
                await asyncio.sleep(0.01)
