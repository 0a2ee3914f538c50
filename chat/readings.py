"""What the model read in a turn's message: stored, heeded and told. It never costs the reply."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from chat import bell, calibrations, conversations, deciding, extractions, guidance, labels
from chat.models import Classification
from chat.turn import Turn, in_thread
from inference import resident
from inference.sequence import Classified, Extracted

log = logging.getLogger(__name__)


async def record(
    turn: Turn,
    event: Classified,
    waiting: Callable[[Awaitable], Awaitable],
    *,
    cached: bool = False,
) -> None:
    """Store a label, or let the fallback decide it first; heed it and tell who watches.

    `waiting` awaits what may take long, and keeps the turn alive meanwhile.
    """
    run, engine = turn.tasks[event.part], resident.engine()
    if not cached:
        run.remember(turn.visitor.text, event, engine.model_id)
    try:
        known = calibrations.known(run.version, engine)
        unsure = await _is_unsure(run, event, engine.model_id) if known else None
    except Exception:  # a label that cannot be kept must not cost the visitor the reply
        log.exception("%s of conversation %s was not stored", event.part, turn.conversation_id)
        return
    storing = _store(turn, event, cached, unsure=unsure)
    if unsure is False:
        await storing
    elif turn.held and run.task.slug in turn.held.slugs:  # it may tell the reply something
        await waiting(storing)
    else:  # the reply goes on meanwhile
        turn.deciding.add(asyncio.create_task(storing))


async def _is_unsure(run: labels.TaskRun, event: Classified, model_id: str) -> bool:
    """Whether the fallback is to decide; most sites have none, and look nothing up."""
    return deciding.decides(run) and await in_thread(deciding.is_unsure)(run, event, model_id)


async def _store(turn: Turn, event: Classified, cached: bool, *, unsure: bool | None) -> None:
    """Write a label down, the fallback's where the model is not sure, and tell who watches.

    `unsure` is None where only a calibration will tell, which takes as long as a fallback.
    """
    run, engine = turn.tasks[event.part], resident.engine()
    model_id = engine.model_id
    try:
        if unsure is None:
            await calibrations.ensure(run.version, engine)
            unsure = await _is_unsure(run, event, model_id)
        opinion = await deciding.opinion(run, turn.visitor.text) if unsure else None
        row = await in_thread(labels.record)(
            turn.visitor, run, event, model_id, cached=cached, opinion=opinion
        )
        await _heed(turn, run, row)
    except Exception:  # the same here
        log.exception("%s of conversation %s was not stored", event.part, turn.conversation_id)
        return
    await bell.ring(turn.conversation_id)
    if row.flagged:
        await bell.alert(turn.conversation_id, row.pk)


async def _heed(turn: Turn, run: labels.TaskRun, row: Classification) -> None:
    """Let a label bear on the turn, where its task's switch says so."""
    if guidance.brings_person(run, row.label, row.confidence):
        await in_thread(conversations.ask_for_person)(turn.conversation_id)
    if turn.held:
        turn.held.told[run.task.slug] = guidance.instruction(run, row.label, row.confidence)


async def record_json(turn: Turn, event: Extracted) -> None:
    """Store what a task wrote about the message, and tell who watches."""
    run, model_id = turn.tasks[event.part], resident.engine().model_id
    try:
        await in_thread(extractions.record)(turn.visitor, run, event, model_id)
    except Exception:  # as with labels
        log.exception("%s of conversation %s was not stored", event.part, turn.conversation_id)
        return
    await bell.ring(turn.conversation_id)
