"""The whole story of one message, top to bottom. Turns outlive the sockets that start them.

A turn is stored before any inference, then given to the engine as ONE request: the reply and
the tasks of its route. While an earlier reply of the conversation still runs, only the labels go in
at once; the reply follows when its turn comes. So does one that is to follow what a label tells it.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from uuid import UUID

from django.conf import settings

from chat import bell, conversations, messages, model_router, readings, receiving, router
from chat.asking import asking
from chat.models import Message
from chat.models.message import State
from chat.turn import CHECKPOINT_SECONDS, Turn, in_thread
from inference import resident
from inference.errors import EngineRefusal
from inference.sequence import REPLY, Classified, Delta, Event, Extracted, Failed, Finished
from inference.tasks import Request

log = logging.getLogger(__name__)
STATES = {"stop": State.DONE, "length": State.DONE, "cancelled": State.STOPPED}


_running: dict[Turn, asyncio.Task] = {}
_replying: dict[UUID, Turn] = {}  # a conversation has at most one running reply


# What sockets ask for ---------------------------------------------------------------------------


async def start(
    conversation_id: UUID,
    client_id: str,
    text: str,
    admit: Callable[[], None] = lambda: None,
    told: bell.Watch | None = None,
) -> messages.Received:
    """Store a visitor's message and set its turn going; one sent before is only found again.

    `admit` raises to refuse a new message. `told` is the watch of a socket that needs no bell,
    since it hears of the rows from the caller.

    Raises:
        messages.Busy: the engine's queue or the conversation's is full; nothing was stored.
    """
    received, turn = await in_thread(receiving.receive)(conversation_id, client_id, text, admit)
    if turn:
        launch(turn)
        await bell.ring(conversation_id, but=told)
    return received


async def stop(conversation_id: UUID, seq: int) -> None:
    """Stop a queued or streaming reply; nothing happens when it has ended."""
    turn = _replying.get(conversation_id)
    if turn and turn.reply.seq == seq:
        _cancel(turn)
        return
    if await in_thread(messages.stop)(conversation_id, seq):
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
    """End a running reply with the text it has, or let another process run one that has none: this
    one is going down.
    """
    task = _running.get(turn)
    if task is None:  # it ended while others were written down
        return
    task.cancel()  # first: from here on the turn itself writes no more
    if turn.reply is None:
        return
    if turn.text or turn.stopping or not await in_thread(messages.release)(turn.reply):
        await in_thread(messages.finish)(turn.reply, State.INTERRUPTED, turn.text)


async def _run(turn: Turn) -> None:
    try:
        open_parts = await _submit(turn)
        while open_parts:
            event = await _next_event(turn)
            if REPLY in open_parts and turn.puts_off(event):
                continue
            await _handle(turn, event)
            if not isinstance(event, Delta):
                open_parts.discard(event.part)
                open_parts |= await _let_go(turn, event.part)
        await asyncio.gather(*turn.deciding)
    except Exception:
        log.exception("A turn of conversation %s broke off", turn.conversation_id)
        _cancel(turn)
        await _end_reply(turn, State.FAILED)
    finally:
        for task in turn.deciding:
            task.cancel()
        _forget(turn)


async def _submit(turn: Turn) -> set[str]:
    """Give the turn to the engine; returns the parts whose end is to be awaited."""
    await _ask_for_route(turn)
    asked = turn.asked
    if asked is None:
        model_id = resident.engine().model_id
        asked = await in_thread(asking)(turn.reply, turn.visitor, turn.route, model_id)
    turn.asked, turn.tasks, turn.held = asked, asked.tasks, asked.held
    if asked.request and asked.request.reply:
        turn.guided = {"guidance": asked.request.reply.guidance, "label_wait_ms": None}
    parts = await _hand_over(turn, asked.request) if asked.request else set()
    for event in asked.known:
        turn.events.put_nowait(event)
    return parts | {event.part for event in asked.known}


async def _let_go(turn: Turn, *ended: str) -> set[str]:
    """Give the engine a reply that has waited for its labels, once all of them have ended."""
    held = turn.held
    if held is None or not held.is_over(ended):
        return set()
    turn.held, reply = None, held.guided
    turn.guided = {"guidance": reply.guidance, "label_wait_ms": held.waited_ms}
    if turn.stopping:
        await _end_reply(turn, State.STOPPED)
        return set()
    return await _hand_over(turn, Request(reply=reply))


async def _hand_over(turn: Turn, request: Request) -> set[str]:
    loop = asyncio.get_running_loop()
    try:
        turn.ticket = resident.engine().submit(request, turn.events.put_nowait, loop)
    except EngineRefusal as error:  # a full queue, or a model that did not load
        log.warning("A turn of conversation %s was refused: %s", turn.conversation_id, error)
        turn.held = None
        await _end_reply(turn, State.FAILED)
        return set()
    if turn.stopping:
        _cancel(turn)
    parts = {part.key for part in request.parts}
    return parts | {REPLY} if request.reply else parts


async def _ask_for_route(turn: Turn) -> None:
    """What the model makes of the message, where it may decide: tasks, and a person."""
    if turn.visitor is None:
        return
    rules = turn.route or await in_thread(router.route)(turn.visitor.text)
    turn.route = rules
    if settings.CHAT_ROUTER == "model" and rules.tasks:
        narrowed = model_router.narrow(rules, turn.visitor.text, resident.engine())
        turn.route = await _beating(turn, narrowed)
    if turn.route.person and not rules.person:
        await in_thread(conversations.ask_for_person)(turn.conversation_id)
        await bell.ring(turn.conversation_id)


async def _beating(turn: Turn, awaited: Awaitable):
    """Wait for what may take long, for instance because a model has to load, with a heartbeat."""
    asked = asyncio.ensure_future(awaited)
    try:
        while not asked.done():
            await _checkpoint(turn)
            await asyncio.wait({asked}, timeout=CHECKPOINT_SECONDS)
        return asked.result()
    finally:
        asked.cancel()


async def _next_event(turn: Turn) -> Event:
    while True:
        now = time.monotonic()
        if turn.later and now >= turn.patience_until:
            return turn.later.popleft()  # by now nobody waits for a first word any more
        if now >= turn.checkpoint_at:
            await _checkpoint(turn)
            now = time.monotonic()
        due = min(turn.checkpoint_at, turn.patience_until if turn.later else math.inf)
        with suppress(TimeoutError):
            async with asyncio.timeout(due - now):  # wait_for makes a task, for every token
                return await turn.events.get()


async def _checkpoint(turn: Turn) -> None:
    """Keep the partial text and the heartbeat; hear of a stop that another process was asked."""
    if turn.reply and turn.conversation_id in _replying:
        if not await in_thread(messages.checkpoint)(turn.reply, turn.text):
            _cancel(turn)
        elif turn.text:  # other processes follow by checkpoints
            await bell.ring_elsewhere(turn.conversation_id)
    # From now on: where the database is slow, one must not follow right upon another.
    turn.checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS


async def _handle(turn: Turn, event: Event) -> None:
    match event:
        case Delta():
            await _grow(turn, event.text)
        case Classified():
            known = event in turn.asked.known
            await readings.record(turn, event, partial(_beating, turn), cached=known)
        case Extracted():
            await readings.record_json(turn, event)
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


async def _end_reply(turn: Turn, state: str, **made) -> None:
    if turn.reply is None:
        return
    if state == State.DONE and not turn.text.strip():
        state = State.FAILED  # an empty answer helps nobody; this way it can be retried
    following = await in_thread(_finish)(turn.reply, state, turn.text, turn.guided | made)
    turn.patience_until = 0
    _forget(turn)
    await bell.ring(turn.conversation_id)
    if following:
        launch(Turn(turn.conversation_id, reply=following))


def _finish(reply: Message, state: str, text: str, made: dict) -> Message | None:
    """End a reply, and claim the one that has waited for its end."""
    messages.finish(reply, state, text, **made)
    return messages.claim_next(reply.conversation_id)


def _forget(turn: Turn) -> None:
    if _replying.get(turn.conversation_id) is turn:
        del _replying[turn.conversation_id]


def _cancel(turn: Turn) -> None:
    turn.stopping = True
    if turn.ticket is not None:
        resident.engine().cancel(turn.ticket, REPLY)
