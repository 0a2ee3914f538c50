"""Who decides a message's label: the model, or the fallback classifier where it is not sure."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from chat.labels import TaskRun
from inference.calibration import probabilities
from inference.fallback.resident import WAIT_SECONDS, fallback
from inference.fallback.worker import FallbackFailed, Opinion
from inference.sequence import Classified
from inference.tasks import Affine

log = logging.getLogger(__name__)


def decides(run: TaskRun) -> bool:
    """Whether there is a fallback for this task at all."""
    decider = fallback()
    return decider is not None and run.task.slug == decider.config.task


def is_unsure(run: TaskRun, result: Classified, model_id: str) -> bool:
    """Whether the fallback is to decide what the model said. Synchronous, with ORM calls."""
    if not decides(run):
        return False
    known = run.version.calibration_for(model_id)
    shares = probabilities(result.logprobs, known.affine if known else Affine())
    return fallback().wants(run.version, max(shares.values()))


async def opinion(run: TaskRun, text: str) -> Opinion | None:
    """What the fallback makes of a text; None if it has no answer in time and the model's stands.

    Only the caller waits: the classifier has a thread of its own.
    """
    asked = fallback().ask(text, run.version.names)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(asked), WAIT_SECONDS)
    except FallbackFailed:
        return None  # it has been logged, and staff are told
    except TimeoutError:
        log.warning("The fallback gave no answer in %d s", WAIT_SECONDS)
        return None


async def opinion_if(run: TaskRun, text: str, confidence: float) -> Opinion | None:
    """The `opinion` of a text that the model reads with this calibrated confidence."""
    wanted = decides(run) and fallback().wants(run.version, confidence)
    return await opinion(run, text) if wanted else None


def ask(run: TaskRun, text: str, then: Callable[[Opinion | None], None]) -> None:
    """Ask without waiting; `then` is called on the fallback's thread, with None as `opinion`."""
    asked = fallback().ask(text, run.version.names)
    asked.add_done_callback(lambda answered: then(_said(answered)))


def _said(answered: "Future[Opinion]") -> Opinion | None:
    try:
        return answered.result()
    except (FallbackFailed, CancelledError):
        return None
