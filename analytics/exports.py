"""What can be taken out of the desk, and how: chunks of rows by key, never all of them at once."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from chat.models import Classification, Conversation, Extraction, Message, Review

CHUNK = 2000  # rows of one query: what an export of any size holds in memory
MAY_EXPORT = "chat.export_conversation"


@dataclass(frozen=True)
class Dataset:
    """A table of an export. `columns` names the ORM path of each column; `conversation` leads
    from a row to its conversation.
    """

    name: str
    right: str  # beside MAY_EXPORT
    rows: QuerySet
    conversation: str
    columns: Mapping[str, str]

    def of(self, conversations: QuerySet[Conversation] | None) -> QuerySet:
        """The rows of these conversations; None is all of them."""
        if conversations is None:
            return self.rows
        wanted = conversations.order_by().values("pk")
        return self.rows.filter(**{f"{self.conversation}__in": wanted})


DECISION = Review.objects.filter(classification=OuterRef("pk")).exclude(verdict="dismissed")
DECIDED = Coalesce(Subquery(DECISION.order_by("-pk").values("label")[:1]), F("label"))

_ALL = (
    Dataset(
        "conversations",
        "chat.view_conversation",
        Conversation.objects.all(),
        "pk",
        {
            "id": "id",
            "name": "name",
            "email": "email",
            "page": "page",
            "language": "language",
            "status": "status",
            "assignee": "assignee__username",
            "created": "created",
            "last_message_at": "last_message_at",
            "messages": "message_count",
            "visitor_messages": "visitor_count",
            "mood_score": "mood_score",
            "mood_trend": "mood_trend",
            "open_flags": "flagged",
        },
    ),
    Dataset(
        "messages",
        "chat.view_message",
        Message.objects.all(),
        "conversation",
        {
            "id": "id",
            "conversation": "conversation_id",
            "seq": "seq",
            "role": "role",
            "author": "author__username",
            "text": "text",
            "state": "state",
            "created": "created",
            "label": "label",
            "confidence": "confidence",
            "score": "score",
            "model": "model_id",
            "first_token_ms": "first_token_ms",
            "total_ms": "total_ms",
        },
    ),
    Dataset(
        "classifications",
        "chat.view_classification",
        Classification.objects.annotate(decided=DECIDED),
        "message__conversation",
        {
            "id": "id",
            "conversation": "message__conversation_id",
            "seq": "message__seq",
            "task": "version__task__slug",
            "version": "version__number",
            "model": "model_id",
            "label": "label",
            "confidence": "confidence",
            "probabilities": "probabilities",
            "decided_label": "decided",
            "flagged": "flagged",
            "source": "source",
            "fallback_model": "fallback_id",
            "latency_ms": "latency_ms",
            "thought": "thought",
            "created": "created",
        },
    ),
    Dataset(
        "extractions",
        "chat.view_extraction",
        Extraction.objects.all(),
        "message__conversation",
        {
            "id": "id",
            "conversation": "message__conversation_id",
            "seq": "message__seq",
            "task": "version__task__slug",
            "version": "version__number",
            "model": "model_id",
            "data": "data",
            "problem": "problem",
            "text": "text",
            "tokens": "tokens",
            "latency_ms": "latency_ms",
            "created": "created",
        },
    ),
    Dataset(
        "reviews",
        "chat.view_review",
        Review.objects.all(),
        "classification__message__conversation",
        {
            "id": "id",
            "conversation": "classification__message__conversation_id",
            "seq": "classification__message__seq",
            "task": "classification__version__task__slug",
            "model_label": "classification__label",
            "verdict": "verdict",
            "label": "label",
            "reviewer": "reviewer__username",
            "note": "note",
            "created": "created",
        },
    ),
)
DATASETS = {dataset.name: dataset for dataset in _ALL}


async def chunks(
    dataset: Dataset, conversations: QuerySet[Conversation] | None = None
) -> AsyncIterator[list[dict]]:
    """Rows as {column: value}, in the order of their keys, at most CHUNK at a time.

    Each chunk is a query of its own that begins after the last key, so a long export neither
    keeps a transaction open nor slows down towards its end.
    """
    rows, last = dataset.of(conversations), None
    while found := [values async for values in _after(dataset, rows, last, CHUNK)]:
        chunk = _named(dataset, found)
        yield chunk
        last = chunk[-1]["id"]


def page(dataset: Dataset, rows: QuerySet, after, size: int) -> list[dict]:
    """At most `size` of these rows as {column: value}, from behind the key `after` on."""
    return _named(dataset, _after(dataset, rows, after, size))


def _after(dataset: Dataset, rows: QuerySet, last, size: int) -> QuerySet:
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return rows.order_by("pk").values_list(*dataset.columns.values())[:size]


def _named(dataset: Dataset, found: Iterable[tuple]) -> list[dict]:
    return [dict(zip(dataset.columns, values, strict=True)) for values in found]
