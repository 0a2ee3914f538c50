"""Querysets to small dataclasses: what the pages show, in a number of queries that stays put."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum

from analytics.filters import ConversationFilter
from analytics.models import ConversationHour
from analytics.sparkline import Sparkline, draw
from chat.labels import MOOD_TASK
from chat.models import Conversation, Message
from chat.mood import Band, band, trend_name
from inference.models import TaskVersion

PAGE = 25


@dataclass(frozen=True)
class Summary:
    """What the conversations of a list come to."""

    conversations: int
    messages: int
    labelled: int
    negative: int
    open_flags: int

    @property
    def negative_percent(self) -> float | None:
        """Share of labelled visitor messages whose label is negative; None without any."""
        return 100 * self.negative / self.labelled if self.labelled else None


@dataclass(frozen=True)
class ConversationRow:
    """One line of the list."""

    id: UUID
    title: str
    status: str
    status_name: str
    language: str
    preview: str
    last_message_at: datetime
    messages: int
    flagged: int
    score: float | None
    band: Band | None
    trend: str | None
    sparkline: Sparkline | None


@dataclass(frozen=True)
class MoodLabels:
    """The labels that moods have had in any version of the task."""

    names: tuple[str, ...]


def mood_labels() -> MoodLabels:
    versions = TaskVersion.objects.filter(task__slug=MOOD_TASK)
    names = {}
    for labels in versions.order_by("number").values_list("labels", flat=True):
        names |= {label["name"]: None for label in labels}
    return MoodLabels(tuple(names))


def summary(listed: Paginator, *, narrowed: bool) -> Summary:
    """Totals over the conversations of a list; those of messages are from the rollup.

    Args:
        narrowed: whether any are left out; if not, every row of the rollup is theirs.
    """
    found = listed.object_list.order_by()
    rows = ConversationHour.objects.all()
    if narrowed:
        rows = rows.filter(conversation__in=found.values("pk"))
    totals = rows.aggregate(
        labelled=Sum(F("negative") + F("neutral") + F("positive")),
        **{name: Sum(name) for name in ("messages", "negative")},
    )
    flags = found.filter(flagged__gt=0).aggregate(open_flags=Sum("flagged"))
    summed = {name: value or 0 for name, value in (totals | flags).items()}
    return Summary(conversations=listed.count, **summed)


def conversations(form: ConversationFilter) -> QuerySet[Conversation]:
    """The conversations that have a message and pass the filter."""
    return form.narrow(Conversation.objects.filter(message_count__gt=0))


def page_of(found: QuerySet[Conversation], number: str | None) -> Page:
    """A page of rows; a number that is none, or out of range, gives the nearest page."""
    page = Paginator(found, PAGE).get_page(number)
    scores = _scores([conversation.pk for conversation in page.object_list])
    page.object_list = [_row(each, scores[each.pk]) for each in page.object_list]
    return page


def worst_words(ids: list[UUID]) -> dict[UUID, str]:
    """What the visitor of each conversation said at their angriest, in one query."""
    said = Message.objects.from_visitor().filter(conversation=OuterRef("pk")).exclude(text="")
    worst = said.order_by(F("score").asc(nulls_last=True), "-seq").values("text")[:1]
    rows = Conversation.objects.filter(pk__in=ids).order_by().annotate(words=Subquery(worst))
    return dict(rows.values_list("pk", "words"))


def _scores(ids: list[UUID]) -> dict[UUID, list[float]]:
    """Message scores of several conversations in one query, oldest first."""
    scores = defaultdict(list)
    scored = Message.objects.filter(conversation__in=ids, score__isnull=False)
    for pk, score in scored.order_by("seq").values_list("conversation_id", "score"):
        scores[pk].append(score)
    return scores


def _row(conversation: Conversation, scores: list[float]) -> ConversationRow:
    score, trend = conversation.mood_score, conversation.mood_trend
    return ConversationRow(
        id=conversation.pk,
        title=str(conversation),
        status=conversation.status,
        status_name=conversation.get_status_display(),
        language=conversation.language,
        preview=conversation.last_text,
        last_message_at=conversation.last_message_at,
        messages=conversation.message_count,
        flagged=conversation.flagged,
        score=score,
        band=None if score is None else band(score),
        trend=None if trend is None else trend_name(trend),
        sparkline=draw(scores),
    )
