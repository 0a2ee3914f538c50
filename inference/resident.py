"""The one engine of this process. Importing this loads nothing; `start` begins to load.

`up` starts it, or the first socket under another ASGI server. Tests install one of their own.
"""

import threading

from inference.apart.engine import EngineApart
from inference.config import InferenceConfig
from inference.engine import Engine
from inference.loading import load

_lock = threading.Lock()
_engine: Engine | EngineApart | None = None


def engine() -> Engine | EngineApart:
    """The process's engine; made here, not started, when nobody asked before.

    Raises:
        ImproperlyConfigured: an INFERENCE_* setting has a value that is not allowed.
    """
    global _engine
    with _lock:
        if _engine is None:
            _engine = _configured()
        return _engine


def start() -> Engine | EngineApart:
    """Begin to load the model in the background, if that has not happened yet."""
    resident = engine()
    resident.start()
    return resident


def install(other: Engine | EngineApart | None) -> Engine | EngineApart | None:
    """Put another engine (or, with None, none yet) in its place; the one before is returned.

    Whoever replaces an engine stops it.
    """
    global _engine
    with _lock:
        before, _engine = _engine, other
    return before


def stop(timeout: float = 10) -> None:
    """Stop the engine if there is one. It stays, refusing work: a process has one life."""
    with _lock:
        resident = _engine
    if resident is not None:
        resident.stop(timeout)


def _configured() -> Engine | EngineApart:
    from django.conf import settings

    config = InferenceConfig.from_settings()
    return EngineApart(config) if settings.INFERENCE_BACKEND == "process" else build(config)


def build(config: InferenceConfig) -> Engine:
    """An engine of its own for this configuration, in this process, not started."""
    return Engine(
        lambda progress: load(config, progress),
        max_waiting=config.max_waiting,
        max_running=config.max_running,
    )
