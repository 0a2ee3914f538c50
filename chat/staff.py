"""The staff socket: what happens in every conversation, with its mood, as it happens."""

import json
import time
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist

from chat import alerting, bell, conversations, feed, frames, labels, origins, people, turns
from chat.socket import Socket

MOST_KNOWN = 200  # conversations whose last frames are remembered, of a socket open for days
TRUSTED_SECONDS = 30.0  # a right that was taken away is missed this long at most
FORBIDDEN = 4403


class StaffConsumer(Socket):
    """Session login and own origin only. Row frames with sentiment and `conversation`, alerts.

    The first change of a conversation brings all of its rows, later ones what is new; one that no
    row shows is told as `changed`.
    """

    async def connect(self) -> None:
        if not origins.socket_allowed(self.scope, embedded=False) or not await self._may_read():
            await self.close()  # before accept: HTTP 403
            return
        self.feeds: dict[UUID, feed.Feed] = {}
        await self.join(bell.STAFF)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer pings; staff only listen here and change things through the admin."""
        try:
            frame = frames.parse(text_data)
        except frames.FrameError as error:
            await self._send(frames.error(error.code, error.message))
            return
        if frame.type == "ping":
            await self._send({"type": "pong"})

    async def conversation_changed(self, event: dict) -> None:
        conversation_id = UUID(event["conversation"])
        known = self._feed(conversation_id)
        try:
            reading = await turns.in_thread(conversations.read)(conversation_id, known.cursor)
        except ObjectDoesNotExist:  # deleted between the ring and this read
            return
        news = known.advance(reading, {}) or [{"type": "changed"}]
        await self._send(*news, conversation=conversation_id)

    async def conversation_typing(self, event: dict) -> None:
        typing = {"type": "typing", "role": event["role"]}
        await self._send(typing, conversation=event["conversation"])

    async def conversation_alert(self, event: dict) -> None:
        alert = await turns.in_thread(labels.alert)(event["classification"])
        if alert:
            await self._send(frames.alert(alert), conversation=event["conversation"])

    async def conversation_raised(self, event: dict) -> None:
        alert = await turns.in_thread(alerting.read)(event["alert"])
        if alert:
            await self._send(frames.raised(alert), conversation=event["conversation"])

    def _feed(self, conversation_id: UUID) -> feed.Feed:
        known = self.feeds.pop(conversation_id, None) or feed.Feed(show_sentiment=True)
        self.feeds[conversation_id] = known  # the dict is in the order of use
        if len(self.feeds) > MOST_KNOWN:
            del self.feeds[next(iter(self.feeds))]
        return known

    async def _may_read(self) -> bool:
        user = self.scope.get("user")
        self.looked = time.monotonic()
        return user is not None and await turns.in_thread(people.may_listen)(user.pk)

    async def _send(self, *out: dict, conversation: UUID | str | None = None) -> None:
        if time.monotonic() - self.looked > TRUSTED_SECONDS and not await self._may_read():
            await self.close(FORBIDDEN)
            return
        about = {"conversation": str(conversation)} if conversation else {}
        for frame in out:
            await self.send(json.dumps({**frame, **about}, ensure_ascii=False))
