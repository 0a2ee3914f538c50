"""What the sockets of visitors and of staff have in common."""

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer


class Socket(AsyncWebsocketConsumer):
    joined = ""  # the group that it hears

    async def __call__(self, scope, receive, send) -> None:
        """As in Channels, whose `disconnect` is only called where the client goes: a handler that
        raises ends the socket too, and must leave nothing that goes on.
        """
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.ended()
            if self.joined:
                await self.channel_layer.group_discard(self.joined, self.channel_name)

    async def dispatch(self, message: dict) -> None:
        """As in Channels, without its way through the ORM's thread before every frame and event:
        `in_thread` closes old connections itself, and a ping need not wait behind others' rows.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        await handler(message)

    async def join(self, group: str) -> None:
        """Hear the bells of this group from now on."""
        self.joined = group
        await self.channel_layer.group_add(group, self.channel_name)

    def ended(self) -> None:
        """The socket is over, however that came."""
