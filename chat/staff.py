"""The staff socket: what happens in every conversation, with its mood, as it happens."""

import json
from collections import defaultdict
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer

from chat import alerting, bell, conversations, feed, frames, labels, origins, turns


class StaffConsumer(AsyncWebsocketConsumer):
    """Session login and own origin only. Row frames with sentiment and `conversation`, alerts.

    The first change of a conversation brings all of its rows, later ones what is new.
    """

    async def connect(self) -> None:
        if not origins.socket_allowed(self.scope, embedded=False) or not await self._may_read():
            await self.close()  # before accept: HTTP 403
            return
        self.feeds: dict[UUID, feed.Feed] = defaultdict(lambda: feed.Feed(show_sentiment=True))
        await self.channel_layer.group_add(bell.STAFF, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(bell.STAFF, self.channel_name)

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
        known = self.feeds[conversation_id]
        reading = await turns.in_thread(conversations.read)(conversation_id, known.cursor)
        await self._send(*known.advance(reading, {}), conversation=conversation_id)

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

    async def _may_read(self) -> bool:
        user = self.scope.get("user")
        if user is None or not (user.is_active and user.is_staff):
            return False
        return await turns.in_thread(user.has_perm)("chat.view_message")

    async def _send(self, *out: dict, conversation: UUID | str | None = None) -> None:
        about = {"conversation": str(conversation)} if conversation else {}
        for frame in out:
            await self.send(json.dumps({**frame, **about}, ensure_ascii=False))
