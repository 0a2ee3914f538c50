"""The bell: tells sockets that something changed, never what. They read the database.

Sockets of this process hear it directly; those of other processes through the channel layer,
which may lose a ring, so every socket also looks on its own now and then.
"""

import asyncio
from collections import defaultdict
from uuid import UUID

from channels.layers import get_channel_layer

from chat import owner

STAFF = "staff"


class Watch:
    """What one socket waits on."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.changed = False  # rows changed, not only the running reply's text

    def ring(self, *, changed: bool) -> None:
        self.changed |= changed
        self.rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring; True if rows may have changed, as they always may after silence."""
        try:
            await asyncio.wait_for(self.rung.wait(), seconds)
        except TimeoutError:
            return True
        self.rung.clear()
        changed, self.changed = self.changed, False
        return changed


_watches: dict[UUID, set[Watch]] = defaultdict(set)


def watch(conversation_id: UUID) -> Watch:
    added = Watch()
    _watches[conversation_id].add(added)
    return added


def unwatch(conversation_id: UUID, watch: Watch) -> None:
    _watches[conversation_id].discard(watch)
    if not _watches[conversation_id]:
        del _watches[conversation_id]


def ring_here(conversation_id: UUID, *, changed: bool) -> None:
    """Wake this process's sockets; call it on their event loop."""
    for each in _watches.get(conversation_id, ()):
        each.ring(changed=changed)


async def ring(conversation_id: UUID) -> None:
    """Rows of this conversation changed and are committed."""
    ring_here(conversation_id, changed=True)
    await _send(conversation_id, {"type": "conversation.changed"})


async def typing(conversation_id: UUID, role: str) -> None:
    await _send(conversation_id, {"type": "conversation.typing", "role": role})


async def alert(conversation_id: UUID, classification_id: int) -> None:
    """Staff should look: a message was flagged."""
    event = {"type": "conversation.alert", "conversation": str(conversation_id)}
    await get_channel_layer().group_send(STAFF, {**event, "classification": classification_id})


async def raised(conversation_id: UUID, alert_id: int) -> None:
    """Staff should look: a rule says that a conversation turns bad."""
    event = {"type": "conversation.raised", "conversation": str(conversation_id)}
    await get_channel_layer().group_send(STAFF, {**event, "alert": alert_id})


def group(conversation_id: UUID) -> str:
    return f"conversation.{conversation_id}"


async def _send(conversation_id: UUID, event: dict) -> None:
    layer = get_channel_layer()
    event = {**event, "conversation": str(conversation_id), "sender": owner.me()}
    await layer.group_send(group(conversation_id), event)
    await layer.group_send(STAFF, event)
