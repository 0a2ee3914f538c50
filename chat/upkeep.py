"""What a serving process does beside its turns: wake the model, sweep up, go down cleanly."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from weakref import WeakKeyDictionary

from django.conf import settings

from chat import bell, calibrations, labels, messages, turns, webhooks
from inference import resident
from inference.answers import answer

log = logging.getLogger(__name__)
SWEEP_SECONDS = 30.0
DELIVER_SECONDS = 2.0
LOST_AFTER = timedelta(seconds=60)  # a label that took longer than this was lost with its process

_made_up_for: set[int] = set()  # messages that this process has tried to label again, once each
_tasks: WeakKeyDictionary[asyncio.AbstractEventLoop, list[asyncio.Task]] = WeakKeyDictionary()


def awake() -> None:
    """Start the model and the sweeps of this process, once. `up` or the first socket calls this."""
    resident.start()
    loop = asyncio.get_running_loop()
    if loop not in _tasks:
        _tasks[loop] = [loop.create_task(each()) for each in _chores()]


async def sweep(lost_after: timedelta = LOST_AFTER) -> None:
    """Take care of what dead processes left: replies run again or end, labels are made up for."""
    changed, waiting = await turns.in_thread(messages.expire)()
    for conversation_id in changed:
        await bell.ring(conversation_id)
    for conversation_id in waiting:
        await turns.launch_next(conversation_id)
    busy = {turn.visitor.pk for turn in turns.in_progress() if turn.visitor}
    for message in await turns.in_thread(labels.unlabelled)(lost_after, busy | _made_up_for):
        _made_up_for.add(message.pk)
        turns.launch(turns.Turn(message.conversation_id, visitor=message))


async def deliver() -> None:
    """Try what is due at the webhook. Posting takes its time, so it has a thread of its own."""
    while delivery := await turns.in_thread(webhooks.claim)():
        error = await asyncio.to_thread(webhooks.attempt, delivery)
        await turns.in_thread(webhooks.settle)(delivery, error)
        if error:
            log.warning("Alert %d did not reach the webhook: %s", delivery.alert_id, error)


async def shutdown() -> None:
    """Keep every partial reply as `interrupted`, free those without a word, let the model go."""
    await rest()
    for turn in turns.in_progress():
        await turns.interrupt(turn)
    await asyncio.to_thread(resident.stop)


async def rest() -> None:
    """End what `awake` began on this loop, but for the model."""
    tasks = _tasks.pop(asyncio.get_running_loop(), [])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _chores() -> list[Callable[[], Coroutine]]:
    webhook = [_deliver_for_ever] if settings.ALERT_WEBHOOK_URL else []
    return [_calibrate, _sweep_for_ever, *webhook]


async def _deliver_for_ever() -> None:
    while True:
        try:
            await deliver()
        except Exception:
            log.exception("Delivering alerts failed; the next try is in %d s", DELIVER_SECONDS)
        await asyncio.sleep(DELIVER_SECONDS)


async def _calibrate() -> None:
    """Let no message wait for what its task needs once: a calibration, or for JSON the grammar's
    reading of the vocabulary.
    """
    engine = resident.engine()
    try:
        if await asyncio.to_thread(engine.wait_ready):
            for run in await turns.in_thread(labels.enabled_tasks)():
                if run.version.writes_json:
                    await answer(engine, run.part("", ()))
                else:
                    await calibrations.ensure(run.version, engine)
    except Exception:
        log.exception("Calibrating failed; the next label tries again")


async def _sweep_for_ever() -> None:
    lost_after = timedelta(0)  # at the start every unlabelled message was left by somebody else
    while True:
        try:
            await sweep(lost_after)
        except Exception:
            log.exception("The sweep failed; the next one is in %d s", SWEEP_SECONDS)
        lost_after = LOST_AFTER
        await asyncio.sleep(SWEEP_SECONDS)
