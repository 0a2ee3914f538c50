"""One conversation as staff read it: its messages with their labels, and its mood over time."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from analytics.lines import Detail, Label, Line
from analytics.moods import MoodReport, report
from chat import extractions
from chat.labels import MOOD_TASK, Standing, standing
from chat.models import Classification, Conversation, Extraction, Message
from chat.mood import Band, band, message_score, trend_name


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
    report: MoodReport


def transcript(conversation: Conversation) -> Transcript:
    """Everything about one conversation, in four queries whatever its length."""
    rows = _classifications(conversation)
    labels, others = _labels(rows), _other_scores(rows)
    said = conversation.messages.order_by("seq")
    details = _details(conversation)
    lines = tuple(
        _line(row, labels[row.pk], others.get(row.pk), details.get(row.pk, ())) for row in said
    )
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
        report=report(lines),
    )


def _classifications(conversation: Conversation) -> list[Classification]:
    rows = Classification.objects.filter(message__conversation=conversation)
    return list(rows.select_related("version__task").prefetch_related("reviews").order_by("pk"))


def _details(conversation: Conversation) -> dict[int, tuple[Detail, ...]]:
    """What each task wrote about a message last, by message."""
    rows = Extraction.objects.filter(message__conversation=conversation).order_by("pk")
    written = defaultdict(list)
    for row in rows.select_related("version__task"):
        written[row.message_id].append(row)
    return {pk: tuple(map(_detail, extractions.standing(each))) for pk, each in written.items()}


def _detail(row: Extraction) -> Detail:
    return Detail(row.version.task.name, str(row), row.problem, row.pk)


def _labels(rows: Iterable[Classification]) -> dict[int, list[Label]]:
    """The label that counts of each task, by message; the mood comes first."""
    said = defaultdict(list)
    for row in rows:
        said[row.message_id, row.version.task_id].append(row)
    labels = defaultdict(list)
    for (message_id, _), each in said.items():
        labels[message_id].append(_label(standing(each)))
    for each in labels.values():
        each.sort(key=lambda label: (not label.is_mood, label.task))
    return labels


def _other_scores(rows: list[Classification]) -> dict[int, float]:
    """By message: the newest score that was read with another context than the mood's."""
    contexts = {row.message_id: row.version.context for row in rows if _is_mood(row)}
    return {
        row.message_id: message_score(row.probabilities, row.version.polarity)
        for row in rows
        if contexts.get(row.message_id, row.version.context) != row.version.context
        and any(row.version.polarity.values())
    }


def _is_mood(row: Classification) -> bool:
    return row.version.task.slug == MOOD_TASK


def _label(stands: Standing) -> Label:
    row, name = stands.row, stands.label
    corrected = name != row.label
    return Label(
        task=row.version.task.name,
        is_mood=_is_mood(row),
        name=name,
        confidence=1.0 if corrected else row.confidence,
        model_name=row.label,
        model_confidence=row.confidence,
        corrected=corrected,
        flagged=row.flagged,
        open=row.flagged and not row.reviews.all(),
        classification_id=row.pk,
    )


def _line(
    row: Message, labels: list[Label], other_score: float | None, details: tuple[Detail, ...]
) -> Line:
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
        other_score=other_score,
        labels=tuple(labels),
        details=details,
    )
