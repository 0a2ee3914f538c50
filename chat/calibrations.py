"""Calibrations are measured when a task version first meets a model, once a process."""

import asyncio
import threading

from django.db import close_old_connections

from inference import calibration
from inference.models import TaskVersion

_ensured: set[tuple[int, str]] = set()
_measuring = threading.Lock()  # two messages that come first measure once


async def ensure(version: TaskVersion, engine) -> None:
    """Make sure that this version, which scores labels, has a calibration for the engine's model.

    Measuring asks the engine and waits for it, so it runs in a thread of its own: the thread of
    the ORM stays free for others.
    """
    key = (version.pk, engine.model_id)
    if key not in _ensured:
        await asyncio.to_thread(_ensure, version, engine)
        _ensured.add(key)


def _ensure(version: TaskVersion, engine) -> None:
    """For this very version: its task may have been switched off while a message was read."""
    try:
        with _measuring:
            calibration.for_version(engine, version)
    finally:
        close_old_connections()
