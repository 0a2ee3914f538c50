"""The classifier's own thread: it loads on the first need, once, and answers one text at a time."""

import atexit
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from inference.errors import ModelError
from inference.fallback.classifier import Classifier, load
from inference.fallback.config import FallbackConfig
from inference.fallback.fitting import fitted, merged
from inference.models import TaskVersion
from inference.repeat import RepeatCache

logger = logging.getLogger(__name__)
STOP_SECONDS = 10
LEAST = 1e-12  # a probability whose logarithm is still kept
ENDED = ("failed", "stopped")


class FallbackFailed(Exception):
    """The classifier has no answer; the main model's stands. The message says why."""


@dataclass(frozen=True)
class Opinion:
    """What the classifier makes of a message, in the task's labels."""

    model_id: str  # name@revision
    probabilities: Mapping[str, float]  # sum to 1
    latency_ms: float  # from the question, loading and waiting included

    @property
    def label(self) -> str:
        return max(self.probabilities, key=self.probabilities.get)

    @property
    def confidence(self) -> float:
        return self.probabilities[self.label]


@dataclass(frozen=True)
class _Question:
    text: str
    names: tuple[str, ...]
    asked: float
    answer: "Future[Opinion]"


class Fallback:
    """Decides messages of one task that the main model is not sure of. Any thread may ask.

    `state` goes "idle", "loading", then "ready" or "failed", and in the end "stopped". `error` says
    why it does not decide: the load failed, which is not tried again in this process, or the
    latest message did.
    """

    def __init__(self, config: FallbackConfig, load: Callable[[FallbackConfig], Classifier] = load):
        self.config = config
        self.state = "idle"
        self.error: str | None = None
        self.decided = self.failed = 0  # messages
        self._load = load
        self._known = RepeatCache(config.size)
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="fallback", daemon=True)

    def wants(self, version: TaskVersion, confidence: float) -> bool:
        """Whether it should decide what the main model said with that calibrated confidence."""
        alone = version.context == TaskVersion.Context.MESSAGE
        fits = alone and version.task.slug == self.config.task
        return fits and confidence < self.config.threshold and self.state not in ENDED

    def ask(self, text: str, names: Sequence[str]) -> "Future[Opinion]":
        """What it makes of a text, in these labels; loads the model if nobody asked before.

        The future fails with FallbackFailed; one that is cancelled in time is not computed.
        """
        question = _Question(text, tuple(names), time.perf_counter(), Future())
        with self._lock:
            if self.state in ENDED:
                question.answer.set_exception(FallbackFailed(self.error or "It was stopped."))
                return question.answer
            if self.state == "idle":
                self.state = "loading"
                # A daemon thread inside torch aborts a dying interpreter, so it is joined first.
                atexit.register(self.stop)
                self._thread.start()
            self._questions.put(question)
        return question.answer

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Answer no more, and wait for the thread at most `timeout` seconds."""
        with self._lock:
            self.state = "stopped"
            self._questions.put(None)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        self._refuse_all("It was stopped.")
        atexit.unregister(self.stop)

    def report(self) -> dict[str, str | int | None]:
        """For health checks and pages."""
        return {
            "model": self.config.model,
            "state": self.state,
            "error": self.error,
            "decided": self.decided,
            "failed": self.failed,
        }

    # The thread

    def _run(self) -> None:
        try:
            classifier = self._load(self.config)
        except Exception as error:  # the main answers stand, and staff are told
            self._give_up(error)
            return
        with self._lock:
            if self.state == "loading":
                self.state = "ready"
        while (question := self._questions.get()) is not None:
            if self.state == "stopped":
                self._refuse(question, "It was stopped.")
            elif question.answer.set_running_or_notify_cancel():
                self._answer(classifier, question)

    def _answer(self, classifier: Classifier, question: _Question) -> None:
        try:
            shares = self._shares(classifier, question)
        except Exception as error:
            self._note(error)
            question.answer.set_exception(FallbackFailed(self.error))
            return
        self.decided, self.error = self.decided + 1, None
        took = (time.perf_counter() - question.asked) * 1000
        question.answer.set_result(Opinion(classifier.model_id, shares, took))

    def _shares(self, classifier: Classifier, question: _Question) -> Mapping[str, float]:
        """By the task's labels, from before if the same words were asked."""
        fit = fitted(self.config, classifier.labels, question.names)
        key = "\0".join(question.names)
        known = self._known.recall("", question.text, key, classifier.model_id)
        if known:
            return known.probabilities
        sums = merged(classifier.shares(question.text), classifier.labels, fit)
        shares = {name: sums[name] for name in question.names}
        if not math.isfinite(sum(shares.values())):
            raise ModelError(f"{self.config.setting}={self.config.model} answers no numbers.")
        logs = {name: math.log(max(share, LEAST)) for name, share in shares.items()}
        self._known.remember(question.text, key, classifier.model_id, logs)
        return shares

    def _give_up(self, error: Exception) -> None:
        self._note(error)
        with self._lock:
            if self.state != "stopped":
                self.state = "failed"
        self._refuse_all(self.error)

    def _note(self, error: Exception) -> None:
        """Keep the reason for staff; the log hears of each but once in a row."""
        known = isinstance(error, ModelError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        if text != self.error:
            logger.warning("The fallback cannot decide: %s", text, exc_info=not known)
        self.error = text
        self.failed += 1

    def _refuse_all(self, reason: str) -> None:
        while True:
            try:
                question = self._questions.get_nowait()
            except queue.Empty:
                return
            if question is not None:
                self._refuse(question, reason)

    def _refuse(self, question: _Question, reason: str) -> None:
        if question.answer.set_running_or_notify_cancel():
            question.answer.set_exception(FallbackFailed(reason))
