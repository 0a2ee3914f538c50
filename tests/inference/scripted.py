"""An engine whose answers are written by the test: Engine's public interface, no model, no thread.

Automatic (`ScriptedEngine(reply="Hello there", label="Neutral")`) it answers at once: labels, then
a few deltas. A part whose argument is None waits for `emit`, `finish`, `classify` or `fail`.
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping

from inference.errors import EngineFailed, EngineStopped, QueueFull
from inference.recent import Recent
from inference.sequence import (
    REPLY,
    Classified,
    Delta,
    Event,
    Extracted,
    Failed,
    Finished,
    Thought,
)
from inference.tasks import Affine, Classify, Extract, Reply, Request


class _NoCalibration(dict):
    """Every wording has the neutral calibration, so nothing is measured through a script."""

    def get(self, key, default=None):
        return Affine()


class ScriptedEngine:
    """Events go through `loop.call_soon_threadsafe`, or are delivered at once without a loop.

    `reply`, `label` and `json` are a text, or a function of the Reply, Classify or Extract, or None
    for by hand.
    `state="loading"` holds automatic answers back until `become_ready()`.
    """

    calibrations: Mapping[str, Affine] = _NoCalibration()

    def __init__(
        self,
        reply: str | Callable[[Reply], str] | None = None,
        label: str | Callable[[Classify], str] | None = None,
        *,
        state: str = "ready",
        model_id: str = "scripted@test/float32",
        max_waiting: int = 256,
        confidence: float = 0.9,
        json: str | Callable[[Extract], str] | None = "{}",
    ):
        self.state, self.error, self.stage = state, None, state
        self.progress = 1.0 if state == "ready" else 0.0
        self.model_id = model_id
        self.first_tokens = Recent()
        self.requests: dict[int, Request] = {}  # everything ever submitted, by ticket
        self.cancelled: list[tuple[int, str | None]] = []
        self._reply, self._label, self._confidence = reply, label, confidence
        self._json = json
        self._max_waiting = max_waiting
        self._tickets = itertools.count(1)
        self._targets: dict[int, tuple] = {}
        self._open: dict[int, list[str]] = {}
        self._texts: dict[int, str] = {}

    # The engine's interface

    def start(self) -> None:
        pass

    def stop(self, timeout: float = 10) -> None:
        self.state = "stopped"
        for ticket, part in self.open_parts():
            self.fail(ticket, part, "The engine was stopped.")

    def wait_ready(self, timeout: float | None = None) -> bool:
        return self.state == "ready"

    def has_room(self, parts: int = 1) -> bool:
        room = self._max_waiting - len(self.open_parts()) >= parts
        return room and self.state not in ("failed", "stopped")

    def submit(self, request: Request, deliver: Callable[[Event], None], loop=None) -> int:
        if self.state == "stopped":
            raise EngineStopped("The engine was stopped.")
        if self.state == "failed":
            raise EngineFailed(self.error)
        parts = [each.key for each in request.parts] + [REPLY] * (request.reply is not None)
        if not self.has_room(len(parts)):
            raise QueueFull("The scripted queue is full.")
        ticket = next(self._tickets)
        self.requests[ticket] = request
        self._targets[ticket] = (deliver, loop)
        self._open[ticket], self._texts[ticket] = parts, ""
        if self.state == "ready":
            self._answer(ticket)
        return ticket

    def cancel(self, ticket: int, part: str | None = None) -> None:
        self.cancelled.append((ticket, part))
        for each in list(self._open.get(ticket, [])):
            if each == REPLY and part in (None, REPLY):
                self.finish(ticket, reason="cancelled")
            elif part in (None, each):
                self.fail(ticket, each, "cancelled")

    # What the test writes

    @property
    def last(self) -> int:
        """The ticket of the newest request."""
        return max(self.requests)

    def open_parts(self) -> list[tuple[int, str]]:
        return [(ticket, part) for ticket, parts in self._open.items() for part in parts]

    def emit(self, ticket: int, text: str) -> None:
        assert REPLY in self._open[ticket], "this reply has ended or was never asked for"
        self._texts[ticket] += text
        self._post(ticket, Delta(text))

    def finish(self, ticket: int, reason: str = "stop", truncated: bool = False) -> None:
        text = self._texts[ticket]
        self._end(ticket, Finished(reason, text, 20, len(text.split()), 1.0, 2.0, truncated))

    def fail(self, ticket: int, part: str = REPLY, message: str = "scripted failure") -> None:
        self._end(ticket, Failed(part, message))

    def classify(self, ticket: int, key: str, label: str, confidence: float = 0.9) -> None:
        task = next(each for each in self.requests[ticket].classify if each.key == key)
        rest = (1 - confidence) / (len(task.labels) - 1)
        probabilities = {each: confidence if each == label else rest for each in task.labels}
        logprobs = {each: math.log(value) for each, value in probabilities.items()}
        thought = Thought("It reads so.", 4, 0.5) if task.think else None
        self._end(ticket, Classified(key, logprobs, probabilities, label, confidence, 1.0, thought))

    def write(self, ticket: int, key: str, text: str, complete: bool = True) -> None:
        """Write the JSON of an Extract."""
        self._end(ticket, Extracted(key, text, complete, len(text.split()), 1.0))

    def become_ready(self) -> None:
        self.state, self.progress = "ready", 1.0
        for ticket in list(self._open):
            self._answer(ticket)

    def become_failed(self, message: str = "scripted load failure") -> None:
        self.state, self.error = "failed", message
        for ticket, part in self.open_parts():
            self.fail(ticket, part, message)

    def _answer(self, ticket: int) -> None:
        request = self.requests[ticket]
        for task in request.classify if self._label is not None else ():
            label = self._label(task) if callable(self._label) else self._label
            label = label if label in task.labels else task.labels[0]
            self.classify(ticket, task.key, label, self._confidence)
        for task in request.extract if self._json is not None else ():
            self.write(ticket, task.key, self._json(task) if callable(self._json) else self._json)
        if request.reply is not None and self._reply is not None:
            text = self._reply(request.reply) if callable(self._reply) else self._reply
            for piece in re.findall(r"\s*\S+|\s+$", text):
                self.emit(ticket, piece)
            self.finish(ticket)

    def _end(self, ticket: int, event: Event) -> None:
        self._open[ticket].remove(event.part)  # raises if the part has ended already
        if not self._open[ticket]:
            del self._open[ticket]
        self._post(ticket, event)

    def _post(self, ticket: int, event: Event) -> None:
        deliver, loop = self._targets[ticket]
        if loop is None:
            deliver(event)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(deliver, event)
