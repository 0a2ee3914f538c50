"""Try a task's wording on messages before it counts: asks the real engine, stores nothing."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from channels.db import database_sync_to_async

from chat import history, messages
from chat.labels import TaskRun
from chat.models import Message, ReplyPrompt
from inference import calibration, resident
from inference.answers import answer
from inference.errors import EngineRefusal, QueueFull
from inference.sequence import Classified
from inference.tasks import Affine, ChatMessage

MOST = 50  # messages of one trial
SECONDS = 60  # of one trial; what is not answered by then is left out

in_thread = database_sync_to_async


class Unavailable(Exception):
    """The model takes no trial now; the message tells staff why and what to do."""


@dataclass(frozen=True)
class Subject:
    """A text to try a wording on, and the conversation that it ends."""

    text: str
    conversation: tuple[ChatMessage, ...]


@dataclass(frozen=True)
class Trial:
    """What one message was read as; without a label, `problem` says why."""

    text: str
    label: str = ""
    probabilities: Mapping[str, float] | None = None  # calibrated, the likeliest label first
    latency_ms: float = 0.0
    cached: bool = False  # known from the same words before
    problem: str = ""


@dataclass(frozen=True)
class Report:
    trials: tuple[Trial, ...]
    calibration: str  # where it comes from
    total_ms: float
    left_out: int  # messages that had no answer in time

    @property
    def mean_ms(self) -> float:
        """Time of one message, over those that the model read now."""
        times = [each.latency_ms for each in self.trials if each.label and not each.cached]
        return sum(times) / len(times) if times else 0.0


def pasted(texts: Iterable[str]) -> list[Subject]:
    """Each text as the first message of a conversation. Synchronous, with ORM calls."""
    system = ChatMessage("system", ReplyPrompt.objects.current().system)
    return [Subject(text, (system, ChatMessage("user", text))) for text in texts]


def stored(last: int) -> list[Subject]:
    """The newest visitor messages, each in its conversation. Synchronous, with ORM calls."""
    system = ReplyPrompt.objects.current().system
    rows = Message.objects.from_visitor().order_by("-pk")[:last]
    return [Subject(row.text, history.prompt_messages(system, messages.up_to(row))) for row in rows]


async def run(task_run: TaskRun, subjects: Iterable[Subject]) -> Report:
    """Ask the resident engine about one message after another: visitors come in between.

    Raises:
        Unavailable: the model loads, did not load, or is busy.
    """
    engine, began, subjects = resident.start(), time.monotonic(), list(subjects)
    _require_ready(engine)
    trials: list[Trial] = []
    source = ""
    try:
        async with asyncio.timeout(SECONDS):
            affine, source = await _calibration(engine, task_run)
            for subject in subjects:
                trials.append(await _try(engine, task_run, subject, affine))
    except TimeoutError:
        pass  # the report says how many were left out
    except QueueFull:
        raise Unavailable("The model is busy with visitors. Try again in a moment.") from None
    except (EngineRefusal, RuntimeError) as error:
        raise Unavailable(str(error)) from error
    took = (time.monotonic() - began) * 1000
    return Report(tuple(trials), source, took, len(subjects) - len(trials))


def _require_ready(engine) -> None:
    match engine.state:
        case "ready":
            return
        case "failed":
            raise Unavailable(f"The model could not be loaded: {engine.error}")
        case "stopped":
            raise Unavailable("The model was stopped. Try again when the site has started anew.")
    raise Unavailable(f"The model is still loading ({engine.progress:.0%}). Try again in a moment.")


async def _calibration(engine, run: TaskRun) -> tuple[Affine, str]:
    """As the version has it, else as it would be measured when it first ran."""
    version = run.version
    known = await in_thread(version.calibration_for)(engine.model_id) if version.pk else None
    if known:
        return known.affine, known.get_source_display()
    affine, source = await asyncio.to_thread(calibration.measure, engine, version)
    return affine, source.label


async def _try(engine, run: TaskRun, subject: Subject, affine: Affine) -> Trial:
    known = run.recall(subject.text, engine.model_id)
    event = known or await answer(engine, run.part(subject.text, subject.conversation))
    if not isinstance(event, Classified):
        return Trial(subject.text, problem=event.message)
    shares = calibration.probabilities(event.logprobs, affine)
    ordered = dict(sorted(shares.items(), key=lambda share: -share[1]))
    return Trial(subject.text, next(iter(ordered)), ordered, event.latency_ms, known is not None)
