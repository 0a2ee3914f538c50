"""Conversations to rows of the rollup, in two queries whatever their number."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from analytics.models import ConversationHour, ConversationLabel
from analytics.periods import hour_of
from chat.labels import MOOD_TASK
from chat.models import Classification, Conversation, Message, Review
from chat.models.message import Role
from chat.mood import STEADY
from inference.models import TaskVersion

SIDES = {-1: "negative", 0: "neutral", 1: "positive"}


def count(
    conversations: Iterable[Conversation],
) -> tuple[list[ConversationHour], list[ConversationLabel]]:
    """The rows, unsaved. Conversations in which nobody wrote have none."""
    told = {each.pk: each for each in conversations if each.message_count}
    hours = _Hours(told)
    for row in _messages(told):
        hours.message(*row)
    labels, negative = Counter(), Counter()
    for row in _labels(told):
        message, conversation, created, task, slug, label, latency = row
        key = conversation, hour_of(created)[1], task, label
        labels[key] += 1
        negative[key] += message in hours.negative
        if slug == MOOD_TASK:
            hours.at(conversation, created).label_ms.append(round(latency, 1))
    hours.outcomes()
    return hours.rows(), [
        _label_row(told[key[0]], *key[1:], n, negative[key]) for key, n in labels.items()
    ]


class _Hours:
    """Rows of hours, as the messages of several conversations come by in order."""

    def __init__(self, told: dict[UUID, Conversation]):
        self._told, self._sides = told, _sides()
        self._rows: dict[tuple[UUID, datetime], ConversationHour] = {}
        self._scores: dict[UUID, list[float]] = defaultdict(list)
        self.negative: set[int] = set()  # messages whose label is

    def at(self, conversation: UUID, moment: datetime) -> ConversationHour:
        hour, day = hour_of(moment)
        if (conversation, hour) not in self._rows:
            told = self._told[conversation]
            row = ConversationHour(**_shared(told, day), hour=hour, counted=told.changed)
            self._rows[conversation, hour] = row
        return self._rows[conversation, hour]

    def message(self, pk, conversation, created, role, label, score, first_word_ms) -> None:
        row = self.at(conversation, created)
        row.messages += 1
        if role == Role.VISITOR and label:
            side = self._sides[label]
            setattr(row, side, getattr(row, side) + 1)
            if side == SIDES[-1]:
                self.negative.add(pk)
        if score is not None:
            self._scores[conversation].append(score)
        if first_word_ms is not None:
            row.first_token_ms.append(round(first_word_ms, 1))

    def outcomes(self) -> None:
        """Put each conversation, and how it went, into the hour of its last message."""
        for pk, conversation in self._told.items():
            row, scores = self.at(pk, conversation.last_message_at), self._scores[pk]
            row.conversations = 1
            if scores and min(scores) < -STEADY:
                row.lost = int(scores[-1] < -STEADY)
                row.recovered = 1 - row.lost

    def rows(self) -> list[ConversationHour]:
        return list(self._rows.values())


def _sides() -> dict[str, str]:
    """Label of the mood to the column that counts it, by its polarity in the newest version."""
    versions = TaskVersion.objects.filter(task__slug=MOOD_TASK).order_by("number")
    sides = defaultdict(lambda: SIDES[0])
    for labels in versions.values_list("labels", flat=True):
        sides |= {label["name"]: SIDES[label["polarity"]] for label in labels}
    return sides


def _messages(told: dict) -> Iterable[tuple]:
    said = Message.objects.filter(conversation__in=told).exclude(text="")
    columns = ("pk", "conversation_id", "created", "role", "label", "score")
    first_word = F("first_token_ms") + Coalesce("label_wait_ms", 0.0)
    return said.order_by("conversation_id", "seq").values_list(*columns, first_word)


def _labels(told: dict) -> Iterable[tuple]:
    """Of several labels of one task on one message, as after a new wording, the one that stands:
    what was decided last, else the newest (`chat.labels.standing`).
    """
    decisions = Review.objects.filter(classification=OuterRef("pk"))
    decided = decisions.exclude(verdict=Review.Verdict.DISMISSED).order_by("-pk")
    rows = Classification.objects.filter(message__conversation__in=told)
    rows = rows.annotate(decision=Subquery(decided.values("pk")[:1]))
    rows = rows.order_by(F("decision").asc(nulls_first=True), "pk")  # the last of each is kept
    named = rows.values_list(
        "message_id",
        "message__conversation_id",
        "message__created",
        "version__task_id",
        "version__task__slug",
        Coalesce(Subquery(decided.values("label")[:1]), "label"),
        "latency_ms",
    )
    return {(row[0], row[3]): row for row in named}.values()


def _label_row(
    conversation: Conversation, day: date, task: int, label: str, count: int, negative: int
) -> ConversationLabel:
    named = {"task_id": task, "label": label, "count": count, "negative": negative}
    return ConversationLabel(**_shared(conversation, day), **named)


def _shared(conversation: Conversation, day: date) -> dict:
    return {
        "conversation": conversation,
        "day": day,
        "status": conversation.status,
        "language": conversation.language,
        "assignee_id": conversation.assignee_id,
    }
