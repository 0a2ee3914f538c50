"""Calibrations are measured when a task version first meets a model, once a process."""

import asyncio
import threading

from django.db import close_old_connections

from inference import calibration
from inference.models import TaskVersion

_ensured: set[tuple[int, str]] = set()
_measuring = threading.Lock()  # two messages that come first measure once


def known(version: TaskVersion, engine) -> bool:
    """Whether nothing is left to measure; `ensure` then takes no time."""
    return (version.pk, engine.model_id) in _ensured


async def ensure(version: TaskVersion, engine) -> None:
    """Make sure that this version, which scores labels, has a calibration for the engine's model.

    Measuring asks the engine and waits for it, so it runs in a thread of its own: the thread of
    the ORM stays free for others.
    """
    if not known(version, engine):
        await asyncio.to_thread(_ensure, version, engine)
        _ensured.add((version.pk, engine.model_id))


def _ensure(version: TaskVersion, engine) -> None:
    """For this very version: its task may have been switched off while a message was read."""
    try:
        with _measuring:
            calibration.for_version(engine, version)
    finally:
        close_old_connections()
