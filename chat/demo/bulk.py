"""Many conversations at once, for measuring pages: drawn, and written straight into the tables
without the model and without the verbs.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from random import Random

from django.db import connection, transaction
from django.utils import timezone

from chat.demo.drawn import Drawing, Talk
from chat.models import Classification, Conversation, Message, MoodCount, Review, User

BATCH = 250  # conversations of a transaction
STAFF = 8

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Size:
    """How much to make; every conversation gets its share of the messages."""

    conversations: int
    messages: int

    def of(self, i: int) -> int:
        """Messages of conversation `i`, so that all of them add up."""
        before, after = (self.messages * each // self.conversations for each in (i, i + 1))
        return after - before


def fill(size: Size, seed: int, progress: Progress) -> None:
    """Make conversations of the last year; `progress` hears how many after each batch.

    Raises:
        ValueError: there are fewer messages than conversations, or no conversation.
    """
    if not 1 <= size.conversations <= size.messages:
        raise ValueError("Give 1 conversation or more, and a message for each.")
    people, counts = _staff(), Counter()
    drawing = Drawing(Random(seed), people, timezone.now())
    for start in range(0, size.conversations, BATCH):
        several = range(start, min(start + BATCH, size.conversations))
        talks = [drawing.talk(size.of(i)) for i in several]
        with transaction.atomic():
            _write(talks, people)
        counts.update(_counted(talks))
        progress(len(several))
    _write_counts(counts)
    _tell_the_planner()


def _tell_the_planner() -> None:
    """Have PostgreSQL look at the new rows: without, it plans for empty tables until it does so
    by itself, and one query took a minute for a thousand conversations."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _staff() -> list[User]:
    names = [f"bulk-{i}" for i in range(STAFF)]
    people = [User(username=name, is_staff=True, password="!") for name in names]
    User.objects.bulk_create(people, ignore_conflicts=True)
    return list(User.objects.filter(username__in=names).order_by("username"))


def _write(talks: list[Talk], people: list[User]) -> None:
    """Parents before children: rows take the keys of what they point at."""
    Conversation.objects.bulk_create([talk.conversation for talk in talks])
    Message.objects.bulk_create(chain.from_iterable(talk.visitors for talk in talks))
    replies = list(chain.from_iterable(talk.replies for talk in talks))
    for reply in replies:
        reply.answers_id = reply.answers.pk
    Message.objects.bulk_create(replies)
    judged = list(chain.from_iterable(talk.judged for talk in talks))
    for row in judged:
        row.message_id = row.message.pk
    Classification.objects.bulk_create(judged)
    Review.objects.bulk_create(_decision(row, people) for row in judged if row.reviewed)


def _decision(row: Classification, people: list[User]) -> Review:
    return Review(
        classification=row,
        reviewer=people[row.pk % len(people)],
        verdict=Review.Verdict.CONFIRMED,
        label=row.label,
        created=row.created + timedelta(hours=1),
    )


def _counted(talks: Iterable[Talk]) -> Iterable[tuple[datetime, int, str]]:
    """Bucket, task and label of every label, as `MoodCount` counts them."""
    for row in chain.from_iterable(talk.judged for talk in talks):
        minute = row.created.minute - row.created.minute % MoodCount.MINUTES
        bucket = row.created.replace(minute=minute, second=0, microsecond=0)
        yield bucket, row.version.task_id, row.label


def _write_counts(counts: Counter) -> None:
    """Add to the counts that all conversations share."""
    rows = [
        MoodCount(bucket=bucket, task_id=task, label=label, count=count)
        for (bucket, task, label), count in counts.items()
    ]
    known = MoodCount.objects.values_list("bucket", "task_id", "label", "count").iterator()
    before = {(bucket, task, label): count for bucket, task, label, count in known}
    for row in rows:
        row.count += before.get((row.bucket, row.task_id, row.label), 0)
    MoodCount.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["bucket", "task", "label"],
        update_fields=["count"],
    )
