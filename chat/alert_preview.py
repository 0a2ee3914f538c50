"""What a rule would have done: its alerts over the last days, computed from what is stored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from django.utils import timezone

from chat.labels import MOOD_TASK
from chat.models import AlertRule, Message
from chat.mood import negative_share
from chat.rules import Said, reason
from inference.models import TaskVersion

DAYS = 30
SHOWN = 10


@dataclass(frozen=True)
class Example:
    """A message at which the rule would have raised an alert."""

    message: Message
    reason: str


@dataclass(frozen=True)
class Preview:
    alerts: int
    conversations: int  # in which there would have been any
    of: int  # conversations in which visitors wrote
    latest: tuple[Example, ...]


def preview(rule: AlertRule, days: int = DAYS) -> Preview:
    """The rule on every visitor message of the last `days` days, with the labels that count now.

    Reads the conversations one after the other and keeps no more than one and the examples.
    """
    since, polarity = timezone.now() - timedelta(days=days), _polarity()
    alerts = conversations = of = 0
    latest: list[Example] = []
    for talk in _talks(since):
        found = list(_alerts(rule, talk, since, polarity))
        of += 1
        alerts += len(found)
        conversations += bool(found)
        latest = sorted([*latest, *found], key=lambda each: each.message.created)[-SHOWN:]
    return Preview(alerts, conversations, of, tuple(reversed(latest)))


def _talks(since: datetime) -> Iterator[list[Message]]:
    """The visitor's messages that have a mood, by conversation: of all in which one is new."""
    rows = Message.objects.from_visitor().filter(
        score__isnull=False, conversation__last_message_at__gte=since
    )
    fields = ("seq", "text", "created", "score", "scores", "conversation")
    rows = rows.only(*fields).order_by("conversation", "seq").iterator(chunk_size=2000)
    for _, talk in groupby(rows, key=attrgetter("conversation_id")):
        messages = list(talk)
        if messages[-1].created >= since:
            yield messages


def _alerts(
    rule: AlertRule, talk: list[Message], since: datetime, polarity: dict[str, int]
) -> Iterable[Example]:
    said = [Said(row.score, negative_share(row.scores or {}, polarity)) for row in talk]
    for i, row in enumerate(talk):
        if row.created >= since and (why := reason(rule, said[: i + 1], said[:i])):
            yield Example(row, why)


def _polarity() -> dict[str, int]:
    """Of every label that moods have had; where versions differ, the newest counts."""
    polarity = {}
    for version in TaskVersion.objects.filter(task__slug=MOOD_TASK).order_by("number"):
        polarity |= version.polarity
    return polarity
