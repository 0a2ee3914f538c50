"""The engine: one thread, one loop. Schedule, run, deliver.

Requests come from any thread; events go back to the event loop that asked, all of one step in one
wake-up. Every part of a request gets exactly one terminal event, whatever happens to the engine.
"""

import atexit
import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from inference.calibration import probabilities
from inference.errors import ModelError
from inference.life import STOPPED, EngineLife
from inference.outbox import Deliver, Loop, Target
from inference.scheduler import Scheduler
from inference.sequence import (
    Classified,
    Delta,
    Event,
    Failed,
    Finished,
    Sequence,
    part_names,
)
from inference.tasks import Request

if TYPE_CHECKING:
    from inference.loading import LoadedModel, Progress
    from inference.runner import Runner

logger = logging.getLogger(__name__)


class _Stopping(Exception):
    """Leaves the loading of a model when the engine is to stop."""


def _runner(loaded: "LoadedModel") -> "Runner":
    from inference.runner import Runner  # torch comes in here, on the engine's thread

    return Runner(loaded)


class Engine(EngineLife):
    """Runs one model for everybody.

    Args:
        load: loads the model; called once on the engine's thread with a progress callback.
        max_waiting: parts that may wait for their first forward; one more is QueueFull.
        max_running: replies that run at the same time.
        make_runner: what runs the loaded model.
    """

    def __init__(
        self,
        load: "Callable[[Progress], LoadedModel]",
        *,
        max_waiting: int,
        max_running: int,
        make_runner: "Callable[[LoadedModel], Runner]" = _runner,
    ):
        super().__init__()
        self._load, self._make_runner = load, make_runner
        self._runner: Runner | None = None
        self._wake = threading.Condition(self._lock)
        self._scheduler = Scheduler(max_waiting=max_waiting, max_running=max_running)
        self._open: dict[Sequence, Target] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    # What others call, from any thread

    def start(self) -> None:
        """Load the model and serve, in the background. Starting again changes nothing."""
        with self._lock:
            if self.state != "new":
                return
            self.state = "loading"
        # A daemon thread inside torch aborts a dying interpreter, so it is joined first.
        atexit.register(self.stop)
        self._thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Take no more work, fail what is open, and wait for the thread at most `timeout` s."""
        with self._wake:
            self._stopping = True
            self.state, self.stage = "stopped", "stopped"
            self._settled.set()
            self._wake.notify_all()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        self._fail_all(STOPPED)
        self._outbox.flush()
        atexit.unregister(self.stop)

    def has_room(self, parts: int = 1) -> bool:
        """Whether a request of so many parts would be taken now."""
        with self._lock:
            return self.state not in ("failed", "stopped") and self._scheduler.has_room(parts)

    def submit(
        self,
        request: Request,
        deliver: Deliver,
        loop: Loop | None = None,
        ticket: int | None = None,
    ) -> int:
        """Take a request, all or nothing; its ticket. Requests wait while the model loads.

        A caller that numbers its requests itself gives the `ticket`.

        `deliver` gets every event: on `loop` if one is given, else on the engine's thread. A part
        that never ran may be ended by whoever cancels it or stops the engine, on their thread.

        Raises:
            QueueFull: too many parts wait.
            EngineStopped, EngineFailed: no event would ever come.
            ValueError: the request asks for nothing, or for two parts of one name.
        """
        check(request)
        now = time.monotonic()
        with self._wake:
            self._refuse_if_over()
            ticket = next(self._tickets) if ticket is None else ticket
            works = [*request.parts, *([request.reply] if request.reply else [])]
            sequences = [Sequence(ticket, work, now) for work in works]
            self._scheduler.add(sequences)
            self._open.update(dict.fromkeys(sequences, (deliver, loop)))
            self._wake.notify_all()
        return ticket

    def cancel(self, ticket: int, part: str | None = None) -> None:
        """End one part of a request, or all, before the next step. What is over stays as it is.

        A reply ends in Finished(reason="cancelled") with the text so far, the rest in Failed.
        """
        with self._wake:
            self._scheduler.cancel(ticket, part)
            serving = self.state == "ready"
            if not serving:
                self._end_cancelled()
            self._wake.notify_all()
        if not serving:
            self._outbox.flush()

    # The engine's thread

    def _run(self) -> None:
        try:
            if self._start_model():
                self._serve()
        finally:
            if self._stopping:
                self._fail_all(STOPPED)
            self._outbox.flush()

    def _start_model(self) -> bool:
        try:
            loaded = self._load(self._report)
            self._runner = self._make_runner(loaded)
        except _Stopping:
            return False
        except Exception as error:
            self._give_up(error)
            return False
        with self._lock:
            self.model_id, self.calibrations = loaded.model_id, loaded.calibrations
            if not self._stopping:
                self.state, self.progress, self.stage = "ready", 1.0, "ready"
        self._settled.set()
        return True

    def _report(self, share: float, doing: str) -> None:
        if self._stopping:
            raise _Stopping
        self.progress, self.stage = share, doing

    def _give_up(self, error: Exception) -> None:
        known = isinstance(error, ModelError)
        logger.error("The model was not loaded: %s", error, exc_info=not known)
        with self._lock:
            self.error = str(error) if known else f"{type(error).__name__}: {error}"
            if not self._stopping:
                self.state, self.stage = "failed", "failed"
            self._fail_all(self.error)
        self._settled.set()

    def _serve(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or self._scheduler.busy)
                if self._stopping:
                    return
            try:
                self._step()
            except Exception as error:  # a defect of the engine itself: nobody may hang for it
                logger.exception("A step of the engine failed")
                self._fail_all(f"{type(error).__name__}: {error}")
            self._outbox.flush()

    def _step(self) -> None:
        with self._lock:
            self._end_cancelled()
            batch = self._scheduler.schedule()
        for sequence, outcome in self._runner.run(batch):
            if outcome is None:  # a prompt in chunks, or one that waits for memory
                continue
            if isinstance(outcome, Exception):
                self._fail(sequence, outcome)
            elif sequence.decodes:
                self._grow(sequence, outcome)
            else:
                self._close(sequence, _classified(sequence, outcome))

    def _grow(self, sequence: Sequence, token: int) -> None:
        now = time.monotonic()
        if token in self._runner.stop_ids:
            sequence.first_token = sequence.first_token or now
            self._written(sequence, "stop")
            return
        self._emit(sequence, sequence.append(token, now))
        if sequence.is_full:
            self._written(sequence, "length")

    def _written(self, sequence: Sequence, reason: str) -> None:
        """Its last token is there."""
        if sequence.is_reply:
            self._finish(sequence, reason)
        elif sequence.thinking:
            sequence.end_thought(time.monotonic())
        else:
            sequence.flush()
            self._close(sequence, sequence.extracted(time.monotonic()))

    def _finish(self, sequence: Sequence, reason: str) -> None:
        self._emit(sequence, sequence.flush())
        finished = sequence.finished(reason, time.monotonic())
        if finished.first_token_ms is not None:
            self.first_tokens.add(finished.first_token_ms)
        self._close(sequence, finished)

    def _fail(self, sequence: Sequence, error: Exception) -> None:
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("A forward failed: %s: %s\n%s", type(error).__name__, error, where)
        self._close(sequence, Failed(sequence.part, f"{type(error).__name__}: {error}"))

    # Events: claimed under the lock, so that a part ends once, and posted outside of it

    def _end_cancelled(self) -> None:
        for sequence in self._scheduler.remove_cancelled():
            if sequence.is_reply:
                self._finish(sequence, "cancelled")
            else:
                self._close(sequence, Failed(sequence.part, "cancelled"))

    def _fail_all(self, message: str) -> None:
        with self._lock:
            for sequence in list(self._open):
                self._close(sequence, Failed(sequence.part, message))
            self._scheduler.clear()

    def _emit(self, sequence: Sequence, text: str) -> None:
        with self._lock:
            if text and sequence.is_reply and sequence in self._open:
                self._outbox.put(self._open[sequence], Delta(text))

    def _close(self, sequence: Sequence, event: Event) -> None:
        with self._lock:
            self._scheduler.finish(sequence)
            target = self._open.pop(sequence, None)
            if target is not None:
                self._outbox.put(target, event)
        if self._runner is not None and threading.current_thread() is self._thread:
            self._runner.release(sequence, keep=isinstance(event, Finished))


def check(request: Request) -> None:
    """Raises ValueError where a request could not be told from another, or asks for nothing."""
    parts = part_names(request)
    if not parts or len(set(parts)) < len(parts):
        raise ValueError(f"A request needs parts of different names, not {parts}.")
    if any(len(set(each.labels)) < max(1, len(each.labels)) for each in request.classify):
        raise ValueError("A classification needs labels, each of them once.")


def _classified(sequence: Sequence, logprobs: dict[str, float]) -> Classified:
    calibrated = probabilities(logprobs, sequence.work.calibration)
    label = max(calibrated, key=calibrated.get)
    took = (time.monotonic() - sequence.submitted) * 1000
    confidence = calibrated[label]
    return Classified(
        sequence.part, logprobs, calibrated, label, confidence, took, sequence.thought
    )
