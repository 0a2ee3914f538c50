"""Websockets: JSON frames in and out. No ORM and no model here.

A Channels consumer handles one event at a time, so nothing in a handler waits for a reply: the
turns run on their own, and a task of the socket sends what its feed says is missing.
"""

import asyncio
import json
import logging
import time
from collections import deque
from functools import partial
from uuid import UUID

from django.conf import settings

from chat import (
    bell,
    conversations,
    feed,
    frames,
    messages,
    origins,
    owner,
    throttle,
    turns,
    upkeep,
    visitors,
)
from chat.models import Conversation
from chat.socket import Socket
from inference import resident

log = logging.getLogger(__name__)
COALESCE_SECONDS = 0.03  # deltas of this long go into one frame
LOOK_SECONDS = 15.0  # a bell may be lost: look without one this often
BAD_FRAMES_A_MINUTE = 20
FORBIDDEN, TOO_MANY, INTERNAL = 4403, 4429, 1011


class ChatConsumer(Socket):
    """One visitor's socket on one conversation: `docs/protocol.md`, version 1."""

    async def connect(self) -> None:
        if not origins.socket_allowed(self.scope):
            await self.close()  # before accept: HTTP 403
            return
        self.conversation_id: UUID = self.scope["url_route"]["kwargs"]["conversation"]
        self.address = origins.socket_address(self.scope)
        self.feed = feed.Feed(show_sentiment=settings.CHAT_SHOW_SENTIMENT)
        self.lock = asyncio.Lock()  # one reader of the feed at a time keeps frames in order
        self.bad_frames: deque[float] = deque(maxlen=BAD_FRAMES_A_MINUTE)
        self.watch: bell.Watch | None = None
        self.tasks: list[asyncio.Task] = []
        self.over = False  # closed by this side: frames that are still coming are not read
        await self.accept()
        upkeep.awake()
        self._spawn(self._expect_hello())

    def ended(self) -> None:
        for task in getattr(self, "tasks", []):
            task.cancel()
        if getattr(self, "watch", None):
            bell.unwatch(self.conversation_id, self.watch)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.over:
            return
        try:
            frame = frames.parse(text_data)
        except frames.FrameError as error:
            await self._refuse_frame(error)
            return
        if (frame.type == "hello") == (self.watch is not None):
            await self._refuse_order(frame)
            return
        try:
            await getattr(self, f"on_{frame.type}")(frame)
        except frames.FrameError as error:
            refuse = self._refuse_frame if error.code == "bad_frame" else self._error
            await refuse(error)

    # Client frames ------------------------------------------------------------------------------

    async def on_hello(self, frame: frames.Frame) -> None:
        known = visitors.opens(frame.token, self.conversation_id)
        about = await self._about() if known else None
        if about is None:
            await self._forbid("The token does not open this conversation.")
            return
        self.visitor, self.language = about
        self.watch = bell.watch(self.conversation_id)  # subscribe first, snapshot second
        await self.join(bell.group(self.conversation_id))
        await self._send_snapshot(frame.rev)
        self._spawn(self._pump())

    async def on_message(self, frame: frames.Frame) -> None:
        async with self.lock:
            try:
                received = await turns.start(
                    self.conversation_id,
                    frame.client_id,
                    frame.text,
                    admit=partial(self._admit_message, frame),
                    told=self.watch,
                )
            except messages.Busy:
                raise frames.FrameError(
                    "busy", "Too many messages are waiting for a reply.", frame.client_id
                ) from None
            await self._confirm(received)

    async def on_stop(self, frame: frames.Frame) -> None:
        self._admit_frame(frame)
        await turns.stop(self.conversation_id, frame.seq)

    async def on_retry(self, frame: frames.Frame) -> None:
        await turns.in_thread(self._admit)(frame)
        await turns.retry(self.conversation_id, frame.seq)

    async def on_typing(self, frame: frames.Frame) -> None:
        if throttle.admits_frame(self.visitor):
            await bell.typing(self.conversation_id, "visitor")

    async def on_ping(self, frame: frames.Frame) -> None:
        await self._send({"type": "pong"})

    async def on_end(self, frame: frames.Frame) -> None:
        self._admit_frame(frame)
        closed = Conversation.Status.CLOSED
        if await turns.in_thread(conversations.set_status)(self.conversation_id, closed):
            await bell.ring(self.conversation_id)

    # The channel layer's bells --------------------------------------------------------------------

    async def conversation_changed(self, event: dict) -> None:
        if event["sender"] != owner.me():  # this process rings its own watches directly
            self.watch.ring(changed=True)

    async def conversation_typing(self, event: dict) -> None:
        if event["role"] != "visitor":
            await self._send({"type": "typing", "role": event["role"]})

    # Sending ------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Send what is missing whenever the bell rings, for as long as the socket lives."""
        try:
            while True:
                silence = await self.watch.wait(LOOK_SECONDS)
                async with self.lock:
                    if silence or self.watch.changed:  # or it was read while the lock was held
                        await self._catch_up()
                    else:
                        await self._send(*self.feed.deltas(turns.live(self.conversation_id)))
                await asyncio.sleep(COALESCE_SECONDS)
        except Exception:
            log.exception("The socket of conversation %s broke off", self.conversation_id)
            await self._close(INTERNAL)

    async def _confirm(self, received: messages.Received) -> None:
        """Tell the sender what was stored; the caller holds the lock."""
        if not received.created:
            await self._catch_up(again=tuple(row.seq for row in received.rows))
        elif received.since != self.feed.cursor:  # there is more that it has not heard of
            await self._catch_up(first=received.rows)
        else:
            live = turns.live(self.conversation_id)
            await self._send(*self.feed.advance(received.news, live, received.rows))

    async def _catch_up(self, first: tuple = (), again: tuple[int, ...] = ()) -> None:
        """Bring the client up to date; the caller holds the lock."""
        self.watch.heard()
        reading = await turns.in_thread(conversations.read)(
            self.conversation_id, self.feed.cursor, again
        )
        live = turns.live(self.conversation_id)
        await self._send(*self.feed.advance(reading, live, first, again))

    async def _send_snapshot(self, rev: int) -> None:
        reading, prompt = await turns.in_thread(conversations.read_with_prompt)(
            self.conversation_id
        )
        since = rev if rev <= reading.rev else 0
        model = resident.engine().model_id
        await self._send(
            frames.ready(
                self.conversation_id, reading.rev, reading.status, model, prompt, self.language
            ),
            *self.feed.snapshot(reading, turns.live(self.conversation_id), since),
        )

    async def _send(self, *out: dict) -> None:
        for frame in out:
            await self.send(json.dumps(frame, ensure_ascii=False))

    # Refusing -----------------------------------------------------------------------------------

    async def _expect_hello(self) -> None:
        await asyncio.sleep(settings.CHAT_HELLO_SECONDS)
        if self.watch is None:
            await self._forbid("The first frame, hello, did not come in time.")

    async def _refuse_order(self, frame: frames.Frame) -> None:
        if self.watch is None:
            await self._forbid("The first frame must be hello.")
        else:
            await self._refuse_frame(frames.FrameError("bad_frame", "A second hello."))

    async def _refuse_frame(self, error: frames.FrameError) -> None:
        if self.watch is None and error.code == "bad_frame":
            await self._forbid("The first frame must be hello.")
            return
        await self._error(error)
        now = time.monotonic()
        self.bad_frames.append(now)
        if len(self.bad_frames) == BAD_FRAMES_A_MINUTE and now - self.bad_frames[0] < 60:
            await self._close(TOO_MANY)

    async def _forbid(self, message: str) -> None:
        await self._send(frames.error("forbidden", message))
        await self._close(FORBIDDEN)

    async def _close(self, code: int) -> None:
        self.over = True
        await self.close(code)

    async def _error(self, error: frames.FrameError) -> None:
        await self._send(frames.error(error.code, error.message, error.client_id, error.seq))

    def _admit_message(self, frame: frames.Frame) -> None:
        """Raise unless this text may be said, and now. Synchronous."""
        frames.check_text(frame)
        self._admit(frame)

    def _admit(self, frame: frames.Frame) -> None:
        """Raise unless the chat is on and this visitor has not sent too much.

        Synchronous: the count may be kept in Redis.
        """
        if not settings.CHAT_ENABLED:
            text = "The chat is switched off for now."
            raise frames.FrameError("unavailable", text, frame.client_id, frame.seq)
        if not throttle.admits(self.visitor, self.address):
            text = "Too many messages in a minute. Please wait a moment."
            raise frames.FrameError("rate_limited", text, frame.client_id, frame.seq)

    def _admit_frame(self, frame: frames.Frame) -> None:
        """Raise if this visitor asks for too much beside messages."""
        if not throttle.admits_frame(self.visitor):
            text = "Too many requests in a minute. Please wait a moment."
            raise frames.FrameError("rate_limited", text, seq=frame.seq)

    async def _about(self) -> tuple[str, str] | None:
        return await turns.in_thread(conversations.visitor_of)(self.conversation_id)

    def _spawn(self, coroutine) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(coroutine))
