"""The bell: tells sockets that something changed, never what. They read the database.

Sockets of this process hear it directly; those of other processes through the channel layer,
which may lose a ring or be away, so every socket also looks on its own now and then.
"""

import asyncio
import logging
from collections import defaultdict
from uuid import UUID

from channels.layers import get_channel_layer
from redis import RedisError

from chat import owner

log = logging.getLogger(__name__)
STAFF = "staff"


class Watch:
    """What one socket waits on."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.changed = False  # rows changed since they were read, not only the reply's text

    def ring(self, *, changed: bool) -> None:
        self.changed |= changed
        self.rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring; True if none came, and rows may have changed all the same."""
        try:
            async with asyncio.timeout(seconds):
                await self.rung.wait()
        except TimeoutError:
            return True
        self.rung.clear()
        return False

    def heard(self) -> None:
        """Rows are about to be read: only what rings from now on is news."""
        self.changed = False


_watches: dict[UUID, set[Watch]] = defaultdict(set)


def watch(conversation_id: UUID) -> Watch:
    added = Watch()
    _watches[conversation_id].add(added)
    return added


def unwatch(conversation_id: UUID, watch: Watch) -> None:
    _watches[conversation_id].discard(watch)
    if not _watches[conversation_id]:
        del _watches[conversation_id]


def ring_here(conversation_id: UUID, *, changed: bool, but: Watch | None = None) -> None:
    """Wake this process's sockets; call it on their event loop."""
    for each in _watches.get(conversation_id, ()):
        if each is not but:
            each.ring(changed=changed)


async def ring(conversation_id: UUID, but: Watch | None = None) -> None:
    """Rows of this conversation changed and are committed; who waits on `but` knows already."""
    ring_here(conversation_id, changed=True, but=but)
    await ring_elsewhere(conversation_id)


async def ring_elsewhere(conversation_id: UUID) -> None:
    """As `ring`, where this process's sockets know already."""
    await _send(conversation_id, {"type": "conversation.changed"})


async def typing(conversation_id: UUID, role: str) -> None:
    await _send(conversation_id, {"type": "conversation.typing", "role": role})


async def alert(conversation_id: UUID, classification_id: int) -> None:
    """Staff should look: a message was flagged."""
    event = {"type": "conversation.alert", "conversation": str(conversation_id)}
    await _tell({**event, "classification": classification_id}, STAFF)


async def raised(conversation_id: UUID, alert_id: int) -> None:
    """Staff should look: a rule says that a conversation turns bad."""
    event = {"type": "conversation.raised", "conversation": str(conversation_id)}
    await _tell({**event, "alert": alert_id}, STAFF)


def group(conversation_id: UUID) -> str:
    return f"conversation.{conversation_id}"


async def _send(conversation_id: UUID, event: dict) -> None:
    event = {**event, "conversation": str(conversation_id), "sender": owner.me()}
    await _tell(event, group(conversation_id), STAFF)


async def _tell(event: dict, *groups: str) -> None:
    """Send an event to groups. It is stored already: a layer that is away costs nobody a reply."""
    try:
        for each in groups:
            await get_channel_layer().group_send(each, event)
    except (RedisError, OSError) as error:
        log.warning("Nobody elsewhere heard of %s: %s", event["type"], error)
