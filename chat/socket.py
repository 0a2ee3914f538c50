"""What the sockets of visitors and of staff have in common."""

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer


class Socket(AsyncWebsocketConsumer):
    async def dispatch(self, message: dict) -> None:
        """As in Channels, without its way through the ORM's thread before every frame and event:
        `in_thread` closes old connections itself, and a ping need not wait behind others' rows.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        await handler(message)
