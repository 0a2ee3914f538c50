"""Verbs on labels: record what the model said, and what a person decided about it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.utils import timezone

from chat import alerting, mood
from chat.models import Classification, Conversation, Message, MoodCount, Review, User
from inference.calibration import digest
from inference.calibration import probabilities as calibrated
from inference.fallback.worker import Opinion
from inference.models import Calibration, Task, TaskVersion
from inference.repeat import repeats
from inference.sequence import Classified
from inference.tasks import (
    Affine,
    ChatMessage,
    Classify,
    Extract,
    Shot,
    conversation_context,
    message_context,
)

MOOD_TASK = "sentiment"  # the task whose label is the message's mood
UNLABELLED_SINCE = timedelta(days=1)


@dataclass(frozen=True)
class TaskRun:
    """A task as it runs on one message: with the version that was current then."""

    task: Task
    version: TaskVersion
    shots: tuple[Shot, ...] = ()  # examples for this message, see chat/examples.py

    def part(self, text: str, conversation: tuple[ChatMessage, ...]) -> Classify | Extract:
        """What to ask of the engine about a visitor's `text`, the last of its `conversation`."""
        alone = self.version.context == TaskVersion.Context.MESSAGE
        prompt = self.version.prompt
        shots = self.shots if alone and not self.version.writes_json else ()
        messages = (
            message_context(prompt, text, shots)
            if alone
            else conversation_context(conversation, prompt)
        )
        slug, version = self.task.slug, self.version
        if version.writes_json:
            return Extract(slug, messages, version.schema, version.answer_tokens)
        return Classify(
            slug, messages, version.names, think=version.reasoning, examples=bool(shots)
        )

    def recall(self, text: str, model_id: str | None) -> Classified | None:
        """What this very version said of the same words, if it gives scores of messages alone.

        With the very same examples, too: others may change what it says.
        """
        if model_id is None or not self._repeats:
            return None
        return repeats().recall(self.task.slug, text, self._digest, model_id)

    def remember(self, text: str, result: Classified, model_id: str) -> None:
        """Keep an answer of the engine for `recall`."""
        if self._repeats:
            repeats().remember(text, self._digest, model_id, result.logprobs)

    @property
    def _digest(self) -> str:
        """As the version's, but for other examples another: repr tells where each of them ends."""
        return (
            digest(self.version.digest, [repr(self.shots)]) if self.shots else self.version.digest
        )

    @property
    def _repeats(self) -> bool:
        version, alone = self.version, TaskVersion.Context.MESSAGE
        scored = not (version.reasoning or version.writes_json)
        return version.pk is not None and version.context == alone and scored


@dataclass(frozen=True)
class Mood:
    """What a message shows of its label."""

    label: str
    confidence: float
    scores: Mapping[str, float]
    score: float


@dataclass(frozen=True)
class Standing:
    """What counts as a task's label of a message: the newest decision, else the newest row."""

    row: Classification
    review: Review | None = None

    @property
    def label(self) -> str:
        return self.review.label if self.review else self.row.label

    @property
    def mood(self) -> Mood:
        """By the model's probabilities, or certain where a person decided otherwise."""
        version, probabilities, confidence = self.row.version, self.row.probabilities, 1.0
        if self.label == self.row.label:
            confidence = self.row.confidence
        else:
            probabilities = {name: float(name == self.label) for name in version.names}
        score = mood.message_score(probabilities, version.polarity)
        return Mood(self.label, confidence, probabilities, score)


def enabled_tasks() -> tuple[TaskRun, ...]:
    """What runs on every visitor message."""
    return tuple(TaskRun(task, task.current) for task in Task.objects.enabled())


def record(
    message: Message,
    run: TaskRun,
    result: Classified,
    model_id: str,
    *,
    cached: bool = False,
    opinion: Opinion | None = None,
) -> Classification:
    """Store the model's label of a message, once; flag it, refresh what depends on it, alert.

    `cached` says that the answer to the same words was used again; the fallback's `opinion`, if
    there is one, decides.

    It replaces what an earlier version said of the message, but not what a person decided. What
    was flagged or reviewed before is not put before people again.
    """
    with Conversation.objects.changing(message.conversation_id) as conversation:
        earlier = _rows(message, run.task.pk)
        outcome = _outcome(run, result, run.version.calibration_for(model_id), opinion)
        outcome["examples"] = len(run.shots)
        outcome["flagged"] &= not any(each.flagged or each.reviews.all() for each in earlier)
        row, created = Classification.objects.get_or_create(
            message=message,
            version=run.version,
            model_id=model_id,
            defaults={**outcome, "cached": cached},
        )
        if created:
            conversation.flagged += row.flagged
            before = standing(earlier)
            after = before if before and before.review else Standing(row)
            _replace(conversation, message, run.task, before, after)
        return row


def review(
    classification: Classification,
    reviewer: User,
    verdict: str,
    label: str = "",
    note: str = "",
    *,
    may_settle: bool = False,
) -> Review:
    """Add a person's decision. A correction replaces the label everywhere it is shown, and alerts.

    Args:
        may_settle: whether this person's word ends a disagreement, if there is one.

    Raises:
        ValueError: a correction names no label of the task.
    """
    version = classification.version
    if verdict != Review.Verdict.CORRECTED:
        label = classification.label
    if label not in version.names:
        raise ValueError(f"The label must be one of {', '.join(version.names)}, not {label!r}.")
    message, task = classification.message, version.task
    with Conversation.objects.changing(message.conversation_id) as conversation:
        # What the caller has may be older than the lock, or hold prefetched reviews.
        classification = Classification.objects.get(pk=classification.pk)
        before, was_open = standing(_rows(message, task.pk)), not classification.reviewed
        added = Review.objects.create(
            classification=classification,
            reviewer=reviewer,
            verdict=verdict,
            label=label,
            note=note,
            settles=may_settle and classification.disputed and verdict != Review.Verdict.DISMISSED,
        )
        Classification.objects.filter(pk=classification.pk).update(
            disputed=classification.disagreed
        )
        if was_open and classification.flagged:
            conversation.flagged = max(0, conversation.flagged - 1)
        _replace(conversation, message, task, before, standing(_rows(message, task.pk)))
        return added


def standing(rows: Sequence[Classification]) -> Standing | None:
    """What counts among what every version of one task said of one message, oldest first."""
    dismissed = Review.Verdict.DISMISSED
    decisions = [
        Standing(row, each)
        for row in rows
        for each in row.reviews.all()
        if each.verdict != dismissed
    ]
    if decisions:
        return max(decisions, key=lambda standing: standing.review.pk)
    return Standing(rows[-1]) if rows else None


def standing_of(message: Message, task: Task) -> Standing | None:
    """What counts as a task's label of a stored message; None if it has none."""
    return standing(_rows(message, task.pk))


def unlabelled(older_than: timedelta, known: Collection[int] = ()) -> list[Message]:
    """Visitor messages that no task has read, lost to a crash, but for the `known` ones."""
    now = timezone.now()
    window = (now - UNLABELLED_SINCE, now - older_than)
    rows = Message.objects.from_visitor().filter(created__range=window)
    unread = rows.filter(classifications__isnull=True, extractions__isnull=True)
    lost = unread.exclude(pk__in=known)
    return list(lost.order_by("pk")[:50])


def alert(classification_id: int) -> Classification | None:
    """A flagged classification with its message, for staff; None once it is deleted."""
    return Classification.objects.select_related("message").filter(pk=classification_id).first()


def _outcome(
    run: TaskRun, result: Classified, calibration: Calibration | None, opinion: Opinion | None
) -> dict:
    affine = calibration.affine if calibration else Affine()
    probabilities = opinion.probabilities if opinion else calibrated(result.logprobs, affine)
    label = max(probabilities, key=probabilities.get)
    certain = probabilities[label] >= run.task.threshold
    return {
        "logprobs": dict(result.logprobs),
        "calibration": calibration,
        "probabilities": dict(probabilities),
        "label": label,
        "confidence": probabilities[label],
        "source": Classification.Source.FALLBACK if opinion else Classification.Source.MODEL,
        "fallback_id": opinion.model_id if opinion else "",
        "latency_ms": result.latency_ms + (opinion.latency_ms if opinion else 0),
        "thought": result.thought.text if result.thought else "",
        "thought_tokens": result.thought.tokens if result.thought else 0,
        "flagged": certain and "review" in run.version.flags(label),
    }


def _rows(message: Message, task_id: int) -> list[Classification]:
    """What every version of a task said of a message, oldest first, with the reviews."""
    rows = Classification.objects.filter(message=message, version__task=task_id).order_by("pk")
    return list(rows.select_related("version").prefetch_related("reviews"))


def _replace(
    conversation: Conversation,
    message: Message,
    task: Task,
    before: Standing | None,
    after: Standing,
) -> None:
    """Let what stands now replace what stood before, on the message and in the counts; alert."""
    if before is None or before.label != after.label:
        if before:
            MoodCount.add(message.created, task.pk, before.label, -1)
        MoodCount.add(message.created, task.pk, after.label)
    shown_anew = before is None or before.label != after.label or before.row.pk != after.row.pk
    if shown_anew and task.slug == MOOD_TASK:
        _show(conversation, message, after.mood)
        polarity, former = after.row.version.polarity, before.mood.score if before else None
        alerting.raise_alerts(conversation, message, polarity, former)


def _show(conversation: Conversation, message: Message, shown: Mood) -> None:
    """Put a label on the message itself, where lists, charts and frames read it."""
    Message.objects.filter(pk=message.pk).update(**asdict(shown), rev=conversation.next_rev())
    conversation.refresh_mood()
