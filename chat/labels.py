"""Verbs on labels: record what the model said, and what a person decided about it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from chat import mood
from chat.models import Classification, Conversation, Message, MoodCount, Review, User
from inference.calibration import probabilities as calibrated
from inference.models import Calibration, Task, TaskVersion
from inference.sequence import Classified
from inference.tasks import (
    Affine,
    ChatMessage,
    Classify,
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

    def part(self, text: str, conversation: tuple[ChatMessage, ...]) -> Classify:
        """What to ask of the engine about a visitor's `text`, the last of its `conversation`."""
        alone = self.version.context == TaskVersion.Context.MESSAGE
        prompt = self.version.prompt
        messages = (
            message_context(prompt, text) if alone else conversation_context(conversation, prompt)
        )
        return Classify(self.task.slug, messages, self.version.names)


@dataclass(frozen=True)
class Mood:
    """What a message shows of its label."""

    label: str
    confidence: float
    scores: Mapping[str, float]
    score: float


def enabled_tasks() -> tuple[TaskRun, ...]:
    """What runs on every visitor message."""
    return tuple(TaskRun(task, task.current) for task in Task.objects.enabled())


def record(message: Message, run: TaskRun, result: Classified, model_id: str) -> Classification:
    """Store the model's label of a message, once; flag it and refresh what depends on it."""
    with Conversation.objects.changing(message.conversation_id) as conversation:
        row, created = Classification.objects.get_or_create(
            message=message,
            version=run.version,
            model_id=model_id,
            defaults=_outcome(run, result, run.version.calibration_for(model_id)),
        )
        if created:
            MoodCount.add(message.created, run.task.pk, row.label)
            conversation.flagged += row.flagged
            if run.task.slug == MOOD_TASK:
                _show(conversation, message, _mood_by_model(row, run.version))
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
    """Add a person's decision. A correction replaces the label everywhere it is shown.

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
    message = classification.message
    with Conversation.objects.changing(message.conversation_id) as conversation:
        # What the caller has may be older than the lock, or hold prefetched reviews.
        classification = Classification.objects.get(pk=classification.pk)
        before, was_open = classification.decided_label, not classification.reviewed
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
        _apply_decision(conversation, classification, before)
        return added


def assign(classifications: QuerySet[Classification], reviewer: User | None) -> int:
    """Give these to a reviewer, or to nobody in particular; returns how many there were."""
    return classifications.update(assignee=reviewer)


def reviewers() -> QuerySet[User]:
    """Who may decide on labels, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    people = User.objects.with_perm("chat.add_review", backend=backend)
    return people.filter(is_staff=True).order_by("username")


def unlabelled(older_than: timedelta, known: Collection[int] = ()) -> list[Message]:
    """Visitor messages that lost their classification to a crash, but for the `known` ones."""
    now = timezone.now()
    window = (now - UNLABELLED_SINCE, now - older_than)
    rows = Message.objects.from_visitor().filter(created__range=window)
    lost = rows.filter(classifications__isnull=True).exclude(pk__in=known)
    return list(lost.order_by("pk")[:50])


def alert(classification_id: int) -> Classification | None:
    """A flagged classification with its message, for staff; None once it is deleted."""
    return Classification.objects.select_related("message").filter(pk=classification_id).first()


def _outcome(run: TaskRun, result: Classified, calibration: Calibration | None) -> dict:
    affine = calibration.affine if calibration else Affine()
    probabilities = calibrated(result.logprobs, affine)
    label = max(probabilities, key=probabilities.get)
    certain = probabilities[label] >= run.task.threshold
    return {
        "logprobs": dict(result.logprobs),
        "calibration": calibration,
        "probabilities": probabilities,
        "label": label,
        "confidence": probabilities[label],
        "latency_ms": result.latency_ms,
        "flagged": certain and "review" in run.version.flags(label),
    }


def _apply_decision(
    conversation: Conversation, classification: Classification, before: str
) -> None:
    """Let the decided label replace the one shown before, on the message and in the counts."""
    after = classification.decided_label
    if after == before:
        return
    message, version = classification.message, classification.version
    MoodCount.add(message.created, version.task_id, before, -1)
    MoodCount.add(message.created, version.task_id, after)
    if version.task.slug == MOOD_TASK:
        by_model = after == classification.label
        _show(
            conversation,
            message,
            _mood_by_model(classification, version)
            if by_model
            else _mood_by_person(after, version),
        )


def _mood_by_model(row: Classification, version: TaskVersion) -> Mood:
    score = mood.message_score(row.probabilities, version.polarity)
    return Mood(row.label, row.confidence, row.probabilities, score)


def _mood_by_person(label: str, version: TaskVersion) -> Mood:
    scores = {name: float(name == label) for name in version.names}
    return Mood(label, 1.0, scores, mood.message_score(scores, version.polarity))


def _show(conversation: Conversation, message: Message, shown: Mood) -> None:
    """Put a label on the message itself, where lists, charts and frames read it."""
    Message.objects.filter(pk=message.pk).update(**asdict(shown), rev=conversation.next_rev())
    conversation.refresh_mood()
