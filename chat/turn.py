"""A turn while it runs: what is known of it, and nothing that acts."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from channels.db import database_sync_to_async

from chat import guidance, labels, router
from chat.asking import Asking
from chat.models import Message
from inference.sequence import Classified, Event, Extracted

CHECKPOINT_SECONDS = 1.0
LABEL_PATIENCE_SECONDS = 0.25

in_thread = database_sync_to_async  # ORM calls go through one thread, a short verb at a time


@dataclass(eq=False)
class Turn:
    """One request to the engine: a message to label, a reply to stream, or both."""

    conversation_id: UUID
    reply: Message | None = None
    visitor: Message | None = None  # the message to label
    route: router.Route | None = None  # of that message; found out when it is not known yet
    asked: Asking | None = None  # of the engine; found out when it is not known yet
    tasks: Mapping[str, labels.TaskRun] = field(default_factory=dict)  # by slug
    text: str = ""  # of the reply so far
    held: guidance.Held | None = None  # the reply, while it waits for labels
    guided: dict = field(default_factory=dict)  # how the labels bore on the reply, as it is stored
    ticket: int | None = None
    stopping: bool = False
    # Its rows have just been written: to write them again would only hold up the first token.
    checkpoint_at: float = field(default_factory=lambda: time.monotonic() + CHECKPOINT_SECONDS)
    deciding: set[asyncio.Task] = field(default_factory=set)  # labels that the fallback decides
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    # Labels that are stored at this moment, or once the reply has ended
    later: deque[Classified | Extracted] = field(default_factory=deque)
    patience_until: float = math.inf

    def puts_off(self, event: Event) -> bool:
        """Whether this event is kept back for now: storing a label would hold up first words, of
        this conversation or of others who spoke at the same moment."""
        now = time.monotonic()
        label = isinstance(event, Classified | Extracted)
        if not label or self.held or now >= self.patience_until:
            return False
        if not self.later:
            self.patience_until = now + LABEL_PATIENCE_SECONDS
        self.later.append(event)
        return True
