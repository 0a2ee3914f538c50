"""What the model says about each of many texts: as in the product, many in flight at once."""

import math
import queue
import time
from collections.abc import Iterator, Mapping, Sequence

from chat import examples as reviewed_examples
from chat.evaluation.labelled import Example
from chat.labels import TaskRun
from chat.models import ReplyPrompt
from inference import calibration
from inference.models import TaskVersion
from inference.sequence import Classified, Event
from inference.tasks import Affine, ChatMessage, Request

IN_FLIGHT = 32  # texts given to the engine at a time
ANSWER_SECONDS = 300  # a big model on a slow machine; a hang becomes an error


def predict(
    engine,
    run: TaskRun,
    examples: Sequence[Example],
    labels: Sequence[str],
    affine: Affine | None = None,
    in_flight: int = IN_FLIGHT,
    deadline: float = math.inf,
) -> Iterator[dict[str, float]]:
    """The probability of each of `labels` for every example, in order.

    Calibrated by `affine`, by default the version's. The task's other labels, which the engine
    scores too, are left out and the rest sums to 1. The engine must be ready. Synchronous, with
    ORM calls. The `deadline` is a time of `time.monotonic`.

    Raises:
        EngineRefusal: the engine takes no work.
        TimeoutError: the engine gave no answer, or not all of them before the deadline.
        RuntimeError: the engine failed on an example, or on measuring the calibration.
    """
    if affine is None:
        affine = calibration.for_version(engine, run.version).affine
    for scores in log_probabilities(engine, run, examples, in_flight, deadline):
        yield calibration.probabilities({label: scores[label] for label in labels}, affine)


def log_probabilities(
    engine,
    run: TaskRun,
    examples: Sequence[Example],
    in_flight: int = IN_FLIGHT,
    deadline: float = math.inf,
) -> Iterator[Mapping[str, float]]:
    """The uncalibrated log-probability of every label of the task for every example, in order.

    Raises:
        EngineRefusal, TimeoutError, RuntimeError: as `predict`.
    """
    for example, event in _answers(engine, run, examples, in_flight, deadline):
        if not isinstance(event, Classified):
            name = f"{example.kind} {example.row}"
            raise RuntimeError(f"{name} could not be classified: {event.message}")
        yield event.logprobs


def _answers(
    engine, run: TaskRun, examples: Sequence[Example], in_flight: int, deadline: float
) -> Iterator[tuple[Example, Event]]:
    """Each example with its terminal event, in the order of the examples."""
    system = ChatMessage("system", ReplyPrompt.objects.current().system)
    inbox: queue.SimpleQueue[tuple[int, Event]] = queue.SimpleQueue()
    early: dict[int, Event] = {}
    asked = 0
    for number, example in enumerate(examples):
        while asked < len(examples) and asked < number + in_flight:
            _ask(engine, run, system, examples[asked], asked, inbox)
            asked += 1
        while number not in early:
            answered, event = _next(inbox, deadline)
            early[answered] = event
        yield example, early.pop(number)


def _ask(engine, run: TaskRun, system: ChatMessage, example: Example, number: int, inbox) -> None:
    run = reviewed_examples.shown(run, example.text, example.message)
    alone = run.version.context == TaskVersion.Context.MESSAGE  # the rest need not be read then
    part = run.part(example.text, () if alone else (system, *example.conversation))
    engine.submit(Request.of([part]), lambda event: inbox.put((number, event)))


def _next(inbox: queue.SimpleQueue, deadline: float) -> tuple[int, Event]:
    seconds = min(ANSWER_SECONDS, deadline - time.monotonic())
    if seconds <= 0:
        raise TimeoutError("The engine did not give all answers in time.")
    try:
        return inbox.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"The engine gave no answer in {seconds:.0f} s.") from None
