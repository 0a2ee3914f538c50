"""Keeps the rollup up to date: counts again the conversations that changed since the last time.

It is brought up to date when somebody looks (`refresh`), not by the verbs that label messages: a
turn then takes no lock on rows that all conversations share. What changed is found by
`Conversation.changed`, which every verb moves, corrections of labels included.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import sleep

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from analytics.counting import count
from analytics.models import FIRST_ID, ConversationHour, ConversationLabel, Watermark
from chat.models import Conversation

BATCH = 200  # conversations that a page counts at most: some 50 ms
MANY = 1000  # conversations of a step where no page waits
PAUSE = 0.1  # seconds until somebody who found another process counting looks again
LAG = timedelta(seconds=30)  # a transaction that began before the last look may end after it
ATTEMPTS = 3
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def look() -> int:
    """Count a batch, as a page does before it shows figures; how many conversations these lack."""
    counted = refresh(BATCH)
    if counted is None:  # mostly for a page beside this one, which has counted in a moment
        sleep(PAUSE)
        counted = refresh(BATCH)
    return left() if counted in (None, BATCH) else 0


def catch_up() -> Iterator[int]:
    """Count until nothing is left, in steps: how many each was, 0 while another process counts."""
    step = MANY
    while step in (None, MANY):
        step = refresh(MANY)
        if step is None:
            sleep(PAUSE)
        yield step or 0


def refresh(limit: int) -> int | None:
    """Count up to `limit` changed conversations, the longest changed first; how many it were.

    Fewer than `limit` means that nothing is left to count. One process counts at a time: None
    means that another one does, or that conversations were deleted during each attempt. What is
    there can be read, but may be behind.
    """
    mark = _mark()
    if not _moved(mark) and not _changed(mark).exists():
        return 0
    for _ in range(ATTEMPTS):
        with suppress(IntegrityError):  # a conversation was deleted while it was counted
            return _count(limit)
    return None


def left() -> int:
    """How many conversations the figures do not hold yet, or not as they are now."""
    mark = _mark()
    everything = Conversation.objects.filter(message_count__gt=0)
    return (everything if _moved(mark) else _changed(mark)).count()


@transaction.atomic
def _count(limit: int) -> int | None:
    Watermark.objects.get_or_create(pk=1, defaults=_fresh())
    mark = Watermark.objects.select_for_update(skip_locked=True).filter(pk=1).first()
    return _advance(mark, limit) if mark else None


def _mark() -> Watermark:
    return Watermark.objects.first() or Watermark(pk=1, **_fresh())


def _moved(mark: Watermark) -> bool:
    """Whether the days and hours of what was counted are those of another place."""
    return mark.zone != settings.TIME_ZONE


def _fresh() -> dict:
    return {"changed": BEGINNING, "conversation_id": FIRST_ID, "zone": settings.TIME_ZONE}


def _changed(mark: Watermark) -> QuerySet[Conversation]:
    """Conversations with messages that changed after the mark and were not counted since."""
    after = Q(changed__gt=mark.changed) | Q(changed=mark.changed, pk__gt=mark.conversation_id)
    done = ConversationHour.objects.filter(conversation=OuterRef("pk"), counted=OuterRef("changed"))
    rows = Conversation.objects.filter(changed__gte=mark.changed, message_count__gt=0)
    return rows.filter(after).exclude(Exists(done))


def _advance(mark: Watermark, limit: int) -> int:
    begun = timezone.now()
    if _moved(mark):
        ConversationHour.objects.all().delete()
        ConversationLabel.objects.all().delete()
        mark = Watermark(pk=1, **_fresh())
    batch = list(_changed(mark).order_by("changed", "pk")[:limit])
    _replace(batch)
    if len(batch) == limit and batch[-1].changed < begun - LAG:
        mark.changed, mark.conversation_id = batch[-1].changed, batch[-1].pk
    else:
        mark.changed, mark.conversation_id = max(mark.changed, begun - LAG), FIRST_ID
    mark.save()
    return len(batch)


def _replace(batch: list[Conversation]) -> None:
    hours, labels = count(batch)
    for model, rows in ((ConversationHour, hours), (ConversationLabel, labels)):
        model.objects.filter(conversation__in=batch).delete()
        model.objects.bulk_create(rows, batch_size=500)
