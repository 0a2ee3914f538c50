"""The one fallback of this process, if INFERENCE_FALLBACK_MODEL names one. Nothing loads here."""

import threading
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as LateError

from inference.errors import ModelError
from inference.fallback.classifier import check_folder
from inference.fallback.config import FallbackConfig
from inference.fallback.fitting import fitted
from inference.fallback.worker import Fallback, FallbackFailed, Opinion
from inference.models import Task, TaskVersion

WAIT_SECONDS = 30  # for an opinion, the first one's loading included; then the main answer stands

_lock = threading.Lock()
_made: list[Fallback | None] = []  # one entry once somebody asked


def fallback() -> Fallback | None:
    """The process's fallback; None if it is off."""
    with _lock:
        if not _made:
            config = FallbackConfig.from_settings()
            _made.append(config and Fallback(config))
        return _made[0]


def install(other: Fallback) -> None:
    """Put another in its place, as tests do; `forget` takes it away."""
    with _lock:
        _made[:] = [other]


def forget() -> None:
    """Stop it, if there is one; the next who asks gets what the settings say."""
    with _lock:
        made = _made.pop() if _made else None
    if made:
        made.stop()


def check() -> None:
    """Refuse at the start what can be known to be wrong: a folder, its labels, the task.

    A hub name is looked up when it is loaded. Synchronous, with ORM calls.

    Raises:
        ModelError: the message names the setting and what is allowed.
    """
    config = FallbackConfig.from_settings()
    if config is None:
        return
    theirs, version = check_folder(config), _version(config)
    if theirs:
        fitted(config, theirs, version.names)


def opinion(version: TaskVersion, text: str, confidence: float) -> Opinion | None:
    """What the fallback makes of a text if it is to decide; None if the main answer stands.

    Waits for it, WAIT_SECONDS at most.
    """
    decider = fallback()
    if decider is None or not decider.wants(version, confidence):
        return None
    asked = decider.ask(text, version.names)
    try:
        return asked.result(WAIT_SECONDS)
    except (FallbackFailed, LateError, CancelledError):
        asked.cancel()
        return None


def report() -> dict[str, str | int | None] | None:
    """State, errors and counts for health checks and pages; None if it is off."""
    decider = fallback()
    return decider.report() if decider else None


def _version(config: FallbackConfig) -> TaskVersion:
    task = Task.objects.filter(slug=config.task).select_related("current__task").first()
    version = task.current if task else None
    if version is None:
        known = ", ".join(Task.objects.filter(current__isnull=False).values_list("slug", flat=True))
        raise ModelError(
            f"INFERENCE_FALLBACK_TASK={config.task} does not exist. There are: {known}."
        )
    if version.context != TaskVersion.Context.MESSAGE:
        raise ModelError(
            f"INFERENCE_FALLBACK_TASK={config.task} reads whole conversations; the fallback reads "
            "a message alone. Name a task that does so too."
        )
    if version.writes_json:
        raise ModelError(
            f"INFERENCE_FALLBACK_TASK={config.task} writes JSON; the fallback decides between "
            "labels. Name a task that has some."
        )
    return version
