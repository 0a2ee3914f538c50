"""What an engine tells of itself, wherever its model runs. Free of torch."""

import itertools
import threading
from collections.abc import Mapping

from inference.errors import EngineFailed, EngineStopped
from inference.outbox import Outbox
from inference.recent import Recent
from inference.tasks import Affine

STOPPED = "The engine was stopped."


class EngineLife:
    """`state` goes "new", "loading", then "ready" or "failed", and in the end "stopped". `progress`
    is the share of loading done (0 to 1), `stage` says what is being done, `error` why it failed.
    """

    def __init__(self):
        self.state = "new"
        self.progress = 0.0
        self.stage = "waiting to be started"
        self.error: str | None = None
        self.model_id: str | None = None
        self.calibrations: Mapping[str, Affine] = {}
        self.first_tokens = Recent()  # ms from submit
        self._lock = threading.RLock()
        self._outbox = Outbox()
        self._settled = threading.Event()
        self._tickets = itertools.count(1)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until loading has ended, one way or the other; whether the engine is ready."""
        self._settled.wait(timeout)
        return self.state == "ready"

    def _refuse_if_over(self) -> None:
        if self.state == "stopped":
            raise EngineStopped(STOPPED)
        if self.state == "failed":
            raise EngineFailed(f"The model could not be loaded: {self.error}")
