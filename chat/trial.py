"""Try a task's wording on messages before it counts: asks the real engine, stores nothing."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from channels.db import database_sync_to_async

from chat import deciding, examples, history, messages, reply_trial
from chat.labels import TaskRun
from chat.models import Message, ReplyPrompt
from inference import calibration, resident, schemas
from inference.answers import answer
from inference.errors import EngineRefusal, QueueFull
from inference.sequence import Classified, Extracted, Thought
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
    message: int | None = None  # primary key, if it is a stored one


@dataclass(frozen=True)
class Trial:
    """What one message was read as: a label, or JSON; without either, `problem` says why."""

    text: str
    label: str = ""
    probabilities: Mapping[str, float] | None = None  # calibrated, the likeliest label first
    latency_ms: float = 0.0
    cached: bool = False  # known from the same words before
    decided_by: str = ""  # the fallback classifier, where the model was not sure
    examples: int = 0  # reviewed messages that were shown with it
    replies: reply_trial.Replies | None = None
    problem: str = ""
    thought: Thought | None = None  # before the label
    data: Mapping[str, object] | None = None  # the JSON, if it follows the schema
    written: str = ""  # the JSON as it was written
    tokens: int = 0  # of the thought or the JSON

    @property
    def was_read(self) -> bool:
        """Whether the model read it now, and came to an end."""
        return bool(self.label or self.written) and not self.cached


@dataclass(frozen=True)
class Report:
    trials: tuple[Trial, ...]
    calibration: str  # where it comes from
    total_ms: float
    left_out: int  # messages that had no answer in time

    @property
    def answered(self) -> bool:
        return any(each.replies for each in self.trials)

    @property
    def mean_ms(self) -> float:
        """Time of one message, over those that the model read now."""
        return _mean([each.latency_ms for each in self.trials if each.was_read])

    @property
    def mean_tokens(self) -> float:
        """Tokens that the model wrote for one message: a thought, or JSON."""
        return _mean([each.tokens for each in self.trials if each.was_read])

    @property
    def mean_thought_ms(self) -> float:
        """The part of `mean_ms` that passed before the labels were looked at."""
        return _mean([each.thought.total_ms for each in self.trials if each.thought])


def pasted(texts: Iterable[str]) -> list[Subject]:
    """Each text as the first message of a conversation. Synchronous, with ORM calls."""
    system = ChatMessage("system", ReplyPrompt.objects.current().system)
    return [Subject(text, (system, ChatMessage("user", text))) for text in texts]


def stored(last: int) -> list[Subject]:
    """The newest visitor messages, each in its conversation. Synchronous, with ORM calls."""
    system = ReplyPrompt.objects.current().system
    rows = Message.objects.from_visitor().order_by("-pk")[:last]
    return [
        Subject(row.text, history.prompt_messages(system, messages.up_to(row)), row.pk)
        for row in rows
    ]


async def run(task_run: TaskRun, subjects: Iterable[Subject], *, replies: bool = False) -> Report:
    """Ask the resident engine about one message after another: visitors come in between.

    With `replies` the first few are answered too, with and without what their label tells a reply.

    Raises:
        Unavailable: the model loads, did not load, or is busy.
    """
    engine, began, subjects = resident.start(), time.monotonic(), list(subjects)
    require_ready(engine)
    trials: list[Trial] = []
    source = ""
    try:
        async with asyncio.timeout(SECONDS):
            affine, source = await _calibration(engine, task_run)
            for subject in subjects:
                trials.append(await _try(engine, task_run, subject, affine))
            for at, subject in enumerate(subjects[: reply_trial.MOST] if replies else ()):
                trials[at] = await _answered(engine, task_run, subject, trials[at])
    except TimeoutError:
        pass  # the report says how many were left out
    except QueueFull:
        raise Unavailable("The model is busy with visitors. Try again in a moment.") from None
    except (EngineRefusal, RuntimeError) as error:
        raise Unavailable(str(error)) from error
    took = (time.monotonic() - began) * 1000
    return Report(tuple(trials), source, took, len(subjects) - len(trials))


def require_ready(engine) -> None:
    """Refuse while the model loads, and when it did not.

    Raises:
        Unavailable: it says which.
    """
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
    if version.writes_json:
        return Affine(), ""
    known = await in_thread(version.calibration_for)(engine.model_id) if version.pk else None
    if known:
        return known.affine, known.get_source_display()
    affine, source = await asyncio.to_thread(calibration.measure, engine, version)
    return affine, source.label


async def _try(engine, run: TaskRun, subject: Subject, affine: Affine) -> Trial:
    run = await in_thread(examples.shown)(run, subject.text, subject.message)
    known = run.recall(subject.text, engine.model_id)
    event = known or await answer(engine, run.part(subject.text, subject.conversation))
    match event:
        case Classified():
            return await _labelled(run, subject.text, event, affine, cached=known is not None)
        case Extracted():
            return _written(subject.text, event, run.version.schema)
    return Trial(subject.text, problem=event.message)


async def _labelled(
    run: TaskRun, text: str, event: Classified, affine: Affine, *, cached: bool
) -> Trial:
    shares = calibration.probabilities(event.logprobs, affine)
    other = await deciding.opinion_if(run, text, max(shares.values()))
    ordered = dict(sorted((other.probabilities if other else shares).items(), key=_falling))
    thought = event.thought
    return Trial(
        text,
        next(iter(ordered)),
        ordered,
        event.latency_ms + (other.latency_ms if other else 0),
        cached=cached,
        decided_by=other.model_id if other else "",
        examples=len(run.shots),
        thought=thought,
        tokens=thought.tokens if thought else 0,
    )


def _falling(share: tuple[str, float]) -> float:
    return -share[1]


def _written(text: str, event: Extracted, schema: str) -> Trial:
    data, problem = schemas.read(event.text, schema, event.cut_at)
    return Trial(
        text,
        latency_ms=event.latency_ms,
        problem=problem,
        data=data,
        written=event.text,
        tokens=event.completion_tokens,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


async def _answered(engine, run: TaskRun, subject: Subject, tried: Trial) -> Trial:
    if tried.problem or not tried.label:
        return tried
    said = (subject.conversation, tried.label, tried.latency_ms)
    return replace(tried, replies=await reply_trial.answers(engine, run, *said))
