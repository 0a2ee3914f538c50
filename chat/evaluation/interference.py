"""Whether a task's labels change when other tasks are asked for in the same request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chat import examples as reviewed_examples
from chat.evaluation.labelled import Example
from chat.labels import TaskRun
from chat.models import ReplyPrompt
from inference import calibration
from inference.models import Task
from inference.sequence import Classified
from inference.tasks import Affine, ChatMessage, Request

ANSWER_SECONDS = 300  # a big model on a slow machine; a hang becomes an error

Progress = Callable[[int], object]  # so many more texts are read


class NoOtherTask(ValueError):
    """There is nothing that could interfere."""


@dataclass(frozen=True)
class Interference:
    """`differences`: texts whose label changed. `largest_gap`: of two probabilities, 0 to 1."""

    n: int
    others: tuple[str, ...]
    differences: int
    largest_gap: float


def others(run: TaskRun) -> tuple[TaskRun, ...]:
    """Every other task that is not archived, switched on or off, with its current version.

    Raises:
        NoOtherTask: there is none.
    """
    rows = Task.objects.filter(archived=None, current__isnull=False).exclude(pk=run.task.pk)
    found = tuple(TaskRun(task, task.current) for task in rows.select_related("current"))
    if not found:
        raise NoOtherTask(f"--interference: {run.task.slug} is the only task there is.")
    return found


def compare(
    engine,
    run: TaskRun,
    rest: Sequence[TaskRun],
    examples: Sequence[Example],
    progress: Progress,
) -> Interference:
    """Ask for every example's label alone, then in one request with all the `rest`.

    Raises:
        EngineRefusal: the engine takes no work, or gives no answer.
        RuntimeError: the engine failed on an example.
    """
    affine = calibration.for_version(engine, run.version).affine
    system = ChatMessage("system", ReplyPrompt.objects.current().system)
    pairs = []
    for example in examples:
        asked = ((run,), (*rest, run))
        pairs.append([_read(engine, each, example, system, affine) for each in asked])
        progress(1)
    return Interference(
        n=len(pairs),
        others=tuple(each.task.slug for each in rest),
        differences=sum(_label(alone) != _label(beside) for alone, beside in pairs),
        largest_gap=max(
            abs(alone[label] - beside[label]) for alone, beside in pairs for label in alone
        ),
    )


def _read(
    engine, runs: Sequence[TaskRun], example: Example, system: ChatMessage, affine: Affine
) -> dict[str, float]:
    """The probabilities of the last of `runs`, asked for with the others in one request."""
    conversation = (system, *example.conversation)
    shown = [reviewed_examples.shown(each, example.text, example.message) for each in runs]
    request = Request.of(each.part(example.text, conversation) for each in shown)
    slug = runs[-1].task.slug
    events = calibration.collect(engine, request, ANSWER_SECONDS)
    event = next(each for each in events if each.part == slug)
    if not isinstance(event, Classified):
        name = f"{example.kind} {example.row}"
        raise RuntimeError(f"{name} could not be classified: {event.message}")
    return calibration.probabilities(event.logprobs, affine)


def _label(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=probabilities.get)
