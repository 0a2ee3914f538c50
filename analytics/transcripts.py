"""One conversation as staff read it: what was said, how it was labelled, and its mood over time."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from chat.labels import MOOD_TASK, Standing, standing
from chat.models import Classification, Conversation, Message
from chat.models.message import Role, State
from chat.mood import Band, band, trend_name


@dataclass(frozen=True)
class Label:
    """What counts as a task's label of one message, and what the model had said."""

    task: str
    is_mood: bool
    name: str
    confidence: float
    model_name: str
    model_confidence: float
    corrected: bool
    flagged: bool
    open: bool  # flagged, and nobody has decided yet
    classification_id: int


@dataclass(frozen=True)
class Line:
    """One message of a transcript."""

    seq: int
    role: str
    role_name: str
    text: str
    state: str
    state_name: str
    created: datetime
    first_token_ms: float | None
    score: float | None
    band: Band | None
    labels: tuple[Label, ...]

    @property
    def from_visitor(self) -> bool:
        return self.role == Role.VISITOR

    @property
    def ended(self) -> bool:
        return self.state == State.DONE

    @property
    def mood(self) -> Label | None:
        return next((label for label in self.labels if label.is_mood), None)


@dataclass(frozen=True)
class Transcript:
    """A conversation and all of its messages."""

    id: UUID
    title: str
    email: str
    page: str
    language: str
    status_name: str
    assignee: str
    created: datetime
    score: float | None
    band: Band | None
    trend: str | None
    open_flags: int
    lines: tuple[Line, ...]

    @property
    def moods(self) -> tuple[Line, ...]:
        """The visitor messages that have a mood."""
        return tuple(line for line in self.lines if line.mood and line.score is not None)

    def chart(self) -> list[dict]:
        """Points of the mood chart, JSON-ready, oldest first."""
        return [_point(number, line) for number, line in enumerate(self.moods, start=1)]


def transcript(conversation: Conversation) -> Transcript:
    """Everything about one conversation, in three queries whatever its length."""
    labels = _labels(conversation)
    lines = tuple(_line(row, labels[row.pk]) for row in conversation.messages.order_by("seq"))
    score, trend = conversation.mood_score, conversation.mood_trend
    return Transcript(
        id=conversation.pk,
        title=str(conversation),
        email=conversation.email,
        page=conversation.page,
        language=conversation.language,
        status_name=conversation.get_status_display(),
        assignee=str(conversation.assignee or ""),
        created=conversation.created,
        score=score,
        band=None if score is None else band(score),
        trend=None if trend is None else trend_name(trend),
        open_flags=conversation.flagged,
        lines=lines,
    )


def _labels(conversation: Conversation) -> dict[int, list[Label]]:
    """The label that counts of each task, by message; the mood comes first."""
    rows = (
        Classification.objects.filter(message__conversation=conversation)
        .select_related("version__task")
        .prefetch_related("reviews")
        .order_by("pk")
    )
    said = defaultdict(list)
    for row in rows:
        said[row.message_id, row.version.task_id].append(row)
    labels = defaultdict(list)
    for (message_id, _), each in said.items():
        labels[message_id].append(_label(standing(each)))
    for each in labels.values():
        each.sort(key=lambda label: (not label.is_mood, label.task))
    return labels


def _label(stands: Standing) -> Label:
    row, name = stands.row, stands.label
    task = row.version.task
    corrected = name != row.label
    return Label(
        task=task.name,
        is_mood=task.slug == MOOD_TASK,
        name=name,
        confidence=1.0 if corrected else row.confidence,
        model_name=row.label,
        model_confidence=row.confidence,
        corrected=corrected,
        flagged=row.flagged,
        open=row.flagged and not row.reviews.all(),
        classification_id=row.pk,
    )


def _line(row: Message, labels: list[Label]) -> Line:
    return Line(
        seq=row.seq,
        role=row.role,
        role_name=row.get_role_display(),
        text=row.text,
        state=row.state,
        state_name=row.get_state_display(),
        created=row.created,
        first_token_ms=row.first_token_ms,
        score=row.score,
        band=None if row.score is None else band(row.score),
        labels=tuple(labels),
    )


def _point(number: int, line: Line) -> dict:
    return {
        "number": number,
        "seq": line.seq,
        "time": timezone.localtime(line.created).strftime("%Y-%m-%d %H:%M"),
        "score": round(line.score, 3),
        "label": line.mood.name,
        "confidence": round(line.mood.confidence, 3),
        "band": line.band.slug,
        "corrected": line.mood.corrected,
    }
