"""The whole story of one message, top to bottom. Turns outlive the sockets that start them.

A turn is stored before any inference, then given to the engine as ONE request: the reply and
the tasks of its route. While an earlier reply of the conversation still runs, only the labels go in
at once; the reply follows when its turn comes.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from chat import bell, calibrations, conversations, labels, messages, model_router, router
from chat.asking import asking
from chat.models import Message
from chat.models.message import State
from inference import resident
from inference.errors import EngineRefusal
from inference.sequence import REPLY, Classified, Delta, Event, Failed, Finished
from inference.tasks import Request

log = logging.getLogger(__name__)
CHECKPOINT_SECONDS = 1.0
STATES = {"stop": State.DONE, "length": State.DONE, "cancelled": State.STOPPED}

in_thread = database_sync_to_async  # ORM calls go through one thread, a short verb at a time


@dataclass(eq=False)
class Turn:
    """One request to the engine: a message to label, a reply to stream, or both."""

    conversation_id: UUID
    reply: Message | None = None
    visitor: Message | None = None  # the message to label
    route: router.Route | None = None  # of that message; found out when it is not known yet
    tasks: Mapping[str, labels.TaskRun] = field(default_factory=dict)  # by slug
    text: str = ""  # of the reply so far
    ticket: int | None = None
    stopping: bool = False
    checkpoint_at: float = 0.0
    events: asyncio.Queue = field(default_factory=asyncio.Queue)


_running: dict[Turn, asyncio.Task] = {}
_replying: dict[UUID, Turn] = {}  # a conversation has at most one running reply


# What sockets ask for ---------------------------------------------------------------------------


async def start(conversation_id: UUID, client_id: str, text: str) -> messages.Received:
    """Store a visitor's message and set its turn going.

    Raises:
        messages.Busy: the engine's queue or the conversation's is full; nothing was stored.
    """
    engine = resident.engine()
    # A model that did not load refuses no message: it is stored for staff, and its reply fails.
    if engine.state not in ("failed", "stopped") and not engine.has_room(2):
        raise messages.Busy
    received, route = await in_thread(_receive)(conversation_id, client_id, text)
    if received.created:
        claimed = received.reply if received.reply and received.reply.owner else None
        launch(Turn(conversation_id, reply=claimed, visitor=received.visitor, route=route))
        await bell.ring(conversation_id)
    return received


async def stop(conversation_id: UUID, seq: int) -> None:
    """Stop a queued or streaming reply; nothing happens when it has ended."""
    turn = _replying.get(conversation_id)
    if turn and turn.reply.seq == seq:
        _cancel(turn)
        return
    await in_thread(messages.stop)(conversation_id, seq)
    await bell.ring(conversation_id)


async def retry(conversation_id: UUID, seq: int) -> None:
    """Start the last reply over; nothing happens unless it was stopped, cut short or failed."""
    reply = await in_thread(messages.retry)(conversation_id, seq)
    if reply is None:
        return
    if reply.owner:
        launch(Turn(conversation_id, reply=reply))
    await bell.ring(conversation_id)


def live(conversation_id: UUID) -> dict[tuple[int, int], str]:
    """(seq, attempt) and text so far of the conversation's reply, if it runs in this process."""
    turn = _replying.get(conversation_id)
    return {(turn.reply.seq, turn.reply.attempt): turn.text} if turn else {}


def in_progress() -> list[Turn]:
    """The turns of this process that have not ended."""
    return list(_running)


# The course of a turn ---------------------------------------------------------------------------


def launch(turn: Turn) -> None:
    """Run a turn whose rows are stored; its reply, if any, is claimed by this process."""
    if turn.reply:
        _replying[turn.conversation_id] = turn
    task = asyncio.get_running_loop().create_task(_run(turn))
    _running[turn] = task
    task.add_done_callback(lambda _: _running.pop(turn, None))


async def launch_next(conversation_id: UUID) -> None:
    """Run the conversation's next queued reply, unless one runs already, here or elsewhere."""
    reply = await in_thread(messages.claim_next)(conversation_id)
    if reply:
        launch(Turn(conversation_id, reply=reply))


async def interrupt(turn: Turn) -> None:
    """End a running reply with the text it has: the process is going down."""
    if turn.reply:
        await in_thread(messages.finish)(turn.reply, State.INTERRUPTED, turn.text)
    _running[turn].cancel()


async def _run(turn: Turn) -> None:
    try:
        open_parts = await _submit(turn)
        while open_parts:
            event = await _next_event(turn)
            await _handle(turn, event)
            if not isinstance(event, Delta):
                open_parts.discard(event.part)
    except Exception:
        log.exception("A turn of conversation %s broke off", turn.conversation_id)
        _cancel(turn)
        await _end_reply(turn, State.FAILED)
    finally:
        _forget(turn)


async def _submit(turn: Turn) -> set[str]:
    """Give the turn to the engine; returns the parts whose end is to be awaited."""
    await _ask_for_route(turn)
    model_id = resident.engine().model_id
    asked = await in_thread(asking)(turn.reply, turn.visitor, turn.route, model_id)
    turn.tasks = asked.tasks
    parts = await _hand_over(turn, asked.request) if asked.request else set()
    for event in asked.known:
        await _record(turn, event, cached=True)
    return parts


async def _hand_over(turn: Turn, request: Request) -> set[str]:
    loop = asyncio.get_running_loop()
    try:
        turn.ticket = resident.engine().submit(request, turn.events.put_nowait, loop)
    except EngineRefusal as error:  # a full queue, or a model that did not load
        log.warning("A turn of conversation %s was refused: %s", turn.conversation_id, error)
        await _end_reply(turn, State.FAILED)
        return set()
    if turn.stopping:
        _cancel(turn)
    parts = {part.key for part in request.classify}
    return parts | {REPLY} if request.reply else parts


def _receive(
    conversation_id: UUID, client_id: str, text: str
) -> tuple[messages.Received, router.Route]:
    route = router.route(text)
    received = messages.receive(
        conversation_id, client_id, text, reply=route.reply, person=route.person
    )
    return received, route


async def _ask_for_route(turn: Turn) -> None:
    """What the model makes of the message, where it may decide: tasks, and a person."""
    if turn.visitor is None:
        return
    rules = turn.route or await in_thread(router.route)(turn.visitor.text)
    turn.route = rules
    if settings.CHAT_ROUTER == "model" and rules.tasks:
        turn.route = await _narrowed(turn, rules)
    if turn.route.person and not rules.person:
        await in_thread(conversations.ask_for_person)(turn.conversation_id)
        await bell.ring(turn.conversation_id)


async def _narrowed(turn: Turn, rules: router.Route) -> router.Route:
    """Wait for the model's word, with a heartbeat: it may have to load first."""
    asked = asyncio.ensure_future(model_router.narrow(rules, turn.visitor.text, resident.engine()))
    try:
        while not asked.done():
            await _checkpoint(turn)
            await asyncio.wait({asked}, timeout=CHECKPOINT_SECONDS)
        return asked.result()
    finally:
        asked.cancel()


async def _next_event(turn: Turn) -> Event:
    while True:
        due = turn.checkpoint_at - time.monotonic()
        if due <= 0:
            await _checkpoint(turn)
            due = CHECKPOINT_SECONDS
        try:
            return await asyncio.wait_for(turn.events.get(), due)
        except TimeoutError:
            continue


async def _checkpoint(turn: Turn) -> None:
    """Keep the partial text and the heartbeat; hear of a stop that another process was asked."""
    turn.checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS
    if turn.conversation_id not in _replying or turn.reply is None:
        return
    if not await in_thread(messages.checkpoint)(turn.reply, turn.text):
        _cancel(turn)
    elif turn.text:
        await bell.ring(turn.conversation_id)  # other processes follow by checkpoints


async def _handle(turn: Turn, event: Event) -> None:
    match event:
        case Delta():
            await _grow(turn, event.text)
        case Classified():
            await _record(turn, event)
        case Finished():
            made = messages.made_by(event, resident.engine().model_id)
            await _end_reply(turn, STATES[event.reason], **made)
        case Failed():
            log.error("%s of %s failed: %s", event.part, turn.conversation_id, event.message)
            if event.part == REPLY:
                await _end_reply(turn, State.FAILED)


async def _grow(turn: Turn, text: str) -> None:
    # Streaming is stored before anybody sees a character: after a crash, a reply that was seen
    # is interrupted, and only one that nobody saw runs again.
    if not turn.text and not await in_thread(messages.begin)(turn.reply):
        _cancel(turn)
        return
    turn.text += text
    bell.ring_here(turn.conversation_id, changed=False)


async def _record(turn: Turn, event: Classified, *, cached: bool = False) -> None:
    run, engine = turn.tasks[event.part], resident.engine()
    if not cached:
        run.remember(turn.visitor.text, event, engine.model_id)
    try:
        await calibrations.ensure(run.version, engine)
        row = await in_thread(labels.record)(
            turn.visitor, run, event, engine.model_id, cached=cached
        )
    except Exception:  # a label that cannot be kept must not cost the visitor the reply
        log.exception("%s of conversation %s was not stored", event.part, turn.conversation_id)
        return
    await bell.ring(turn.conversation_id)
    if row.flagged:
        await bell.alert(turn.conversation_id, row.pk)


async def _end_reply(turn: Turn, state: str, **made) -> None:
    if turn.reply is None:
        return
    if state == State.DONE and not turn.text.strip():
        state = State.FAILED  # an empty answer helps nobody; this way it can be retried
    await in_thread(messages.finish)(turn.reply, state, turn.text, **made)
    _forget(turn)
    await bell.ring(turn.conversation_id)
    await launch_next(turn.conversation_id)


def _forget(turn: Turn) -> None:
    if _replying.get(turn.conversation_id) is turn:
        del _replying[turn.conversation_id]


def _cancel(turn: Turn) -> None:
    turn.stopping = True
    if turn.ticket is not None:
        resident.engine().cancel(turn.ticket, REPLY)
