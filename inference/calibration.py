"""From label log-probabilities to honest confidences, and where the parameters come from."""

import hashlib
import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from inference.errors import EngineRefusal
from inference.sequence import Classified, Event
from inference.tasks import (
    Affine,
    ChatMessage,
    Classify,
    Request,
    conversation_context,
    message_context,
)

if TYPE_CHECKING:
    from inference.engine import Engine
    from inference.models import Calibration, TaskVersion

CONTENT_FREE = ("", "N/A", "...")
MEASURE_SECONDS = 300  # a big model on a slow machine; a hang becomes an error


def digest(prompt: str, labels: Sequence[str]) -> str:
    """Key of a task's wording in a model's `calibration.json`: sha256, in hex."""
    return hashlib.sha256(f"{prompt}\n{','.join(labels)}".encode()).hexdigest()


def probabilities(logprobs: Mapping[str, float], affine: Affine) -> dict[str, float]:
    """softmax(scale * log-probability + bias), in the labels' order; a missing bias is 0.

    Matrix-free vector scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    scores = {
        label: affine.scale * value + affine.bias.get(label, 0.0)
        for label, value in logprobs.items()
    }
    highest = max(scores.values())
    weights = {label: math.exp(score - highest) for label, score in scores.items()}
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def content_free_bias(
    measured: Sequence[Mapping[str, float]], neutral: frozenset[str] = frozenset()
) -> dict[str, float]:
    """What to add so that messages that say nothing prefer no label.

    bias = -log mean probability: Zhao et al. 2021, "Calibrate Before Use". A neutral label is the
    right answer to an empty message, so where there is one only the others are levelled, against
    their own mean; pulling it down too would turn plain questions into anger.

    Args:
        measured: label log-probabilities of content-free messages, one mapping a message.
        neutral: labels of polarity 0, if others have a polarity.
    """
    each = [probabilities(logprobs, Affine()) for logprobs in measured]
    mean = {label: sum(p[label] for p in each) / len(each) for label in each[0]}
    level = [label for label in mean if label not in neutral]
    logs = {label: math.log(max(mean[label], 1e-9)) for label in level}
    middle = sum(logs.values()) / len(logs) if logs else 0.0
    return {label: middle - logs[label] if label in logs else 0.0 for label in mean}


def ensure(engine: "Engine") -> "list[Calibration]":
    """Give every enabled task's version a Calibration for the engine's model; those added.

    Takes what the model ships, else measures it on content-free messages through the engine,
    which must be ready. Synchronous, with ORM calls.

    Raises:
        EngineRefusal: the engine takes no work.
        RuntimeError: the engine could not score the messages.
    """
    from inference.models import Task

    versions = [task.current for task in Task.objects.enabled() if not task.current.writes_json]
    return [_add(engine, each) for each in versions if not each.calibration_for(engine.model_id)]


def for_version(
    engine: "Engine", version: "TaskVersion", seconds: float = MEASURE_SECONDS
) -> "Calibration":
    """The version's newest Calibration for the engine's model; added if there is none.

    Raises:
        EngineRefusal, RuntimeError: as `measure`.
    """
    return version.calibration_for(engine.model_id) or _add(engine, version, seconds)


def measure(
    engine: "Engine", version: "TaskVersion", seconds: float = MEASURE_SECONDS
) -> tuple[Affine, str]:
    """What calibrates this wording on the engine's model, and where it comes from; stores nothing.

    The version may be a draft that is not stored. Waits at most so many seconds for the engine.

    Raises:
        EngineRefusal, RuntimeError: as `ensure`.
    """
    from inference.models import Calibration

    shipped = engine.calibrations.get(digest(version.prompt, version.names))
    if shipped is not None and not version.reasoning:  # a thought moves the scores
        return shipped, Calibration.Source.SHIPPED
    neutral = frozenset(name for name, polarity in version.polarity.items() if polarity == 0)
    mixed = neutral if len(neutral) < len(version.names) else frozenset()
    bias = content_free_bias(_content_free(engine, version, seconds), mixed)
    return Affine(bias=bias), Calibration.Source.CONTENT_FREE


def _add(
    engine: "Engine", version: "TaskVersion", seconds: float = MEASURE_SECONDS
) -> "Calibration":
    affine, source = measure(engine, version, seconds)
    return version.calibrations.create(
        model_id=engine.model_id, scale=affine.scale, bias=dict(affine.bias), source=source
    )


def _content_free(
    engine: "Engine", version: "TaskVersion", seconds: float
) -> list[Mapping[str, float]]:
    classify = tuple(
        Classify(str(number), context(version, text), version.names, think=version.reasoning)
        for number, text in enumerate(CONTENT_FREE)
    )
    events = collect(engine, Request(classify=classify), seconds)
    failed = [event for event in events if not isinstance(event, Classified)]
    if failed:
        raise RuntimeError(f"Calibrating {version} failed: {failed[0].message}")
    return [event.logprobs for event in events]


def context(version: "TaskVersion", text: str) -> tuple[ChatMessage, ...]:
    """What the version reads of a message that nothing came before, no reply's prompt either."""
    alone = message_context(version.prompt, text)
    if version.context == version.Context.MESSAGE:
        return alone
    return conversation_context(alone[1:], version.prompt)


def collect(engine: "Engine", request: Request, timeout: float) -> list[Event]:
    """Submit a request without a reply and wait: one terminal event for each part.

    Raises:
        EngineRefusal: the engine takes no work, or gave no answer in `timeout` seconds.
    """
    events: list[Event] = []
    complete = threading.Event()

    def deliver(event: Event) -> None:
        events.append(event)
        if len(events) == len(request.parts):
            complete.set()

    ticket = engine.submit(request, deliver)
    if not complete.wait(timeout):
        engine.cancel(ticket)
        raise EngineRefusal(f"The engine gave no answer in {timeout:.3g} seconds.")
    return events
