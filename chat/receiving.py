"""A visitor's message comes in: in one go, for all of it waits for the one thread of the ORM."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.conf import settings

from chat import labels, messages, router
from chat.asking import asking
from chat.turn import Turn
from inference import resident

log = logging.getLogger(__name__)


def receive(
    conversation_id: UUID, client_id: str, text: str, admit: Callable[[], None]
) -> tuple[messages.Received, Turn | None]:
    """Store a visitor's message, and the turn that is to follow, with what it asks of the engine.

    `admit` raises to refuse a new message; one that was sent before is only found again.

    Raises:
        messages.Busy: the engine's queue or the conversation's is full; nothing was stored.
    """
    engine, route, enabled = resident.engine(), None, ()

    def decide() -> tuple[bool, bool]:
        nonlocal route, enabled
        admit()
        # A model that did not load refuses no message: it is stored for staff, its reply fails.
        if engine.state not in ("failed", "stopped") and not engine.has_room(2):
            raise messages.Busy
        enabled = labels.enabled_tasks()
        route = router.route(text, [run.task for run in enabled])
        return route.reply, route.person

    received = messages.receive(conversation_id, client_id, text, decide)
    if not received.created:
        return received, None
    claimed = received.reply if received.reply and received.reply.owner else None
    turn = Turn(conversation_id, reply=claimed, visitor=received.visitor, route=route)
    if settings.CHAT_ROUTER != "model":  # else the route is not known yet
        try:
            turn.asked = asking(
                claimed, received.visitor, route, engine.model_id, received.history, enabled
            )
        except Exception:  # the message is stored: the turn asks again, and fails if it must
            log.exception("What conversation %s asks could not be read", conversation_id)
    return received, turn
