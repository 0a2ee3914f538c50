"""What people hold of a message by now, whatever version it was read by."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from chat.models import Classification, Message, Review

DECISIONS = (Review.Verdict.CONFIRMED, Review.Verdict.CORRECTED)


def held(
    task_id: int, messages: Collection[int] | None = None
) -> Iterator[tuple[Message, set[str]]]:
    """Every message that people decided on for a task, oldest first, with the labels they hold.

    One label where they agree or it was settled, several where they differ. A reviewer's last
    decision counts; a message that was only dismissed is not among them.

    Args:
        messages: only these, by primary key.
    """
    decided = Review.objects.filter(verdict__in=DECISIONS).values("classification")
    rows = Classification.objects.filter(version__task=task_id, pk__in=decided)
    if messages is not None:
        rows = rows.filter(message__in=messages)
    rows = rows.select_related("message").prefetch_related("reviews").order_by("message_id", "pk")
    for _, group in groupby(rows, key=lambda row: row.message_id):
        said = list(group)
        yield said[0].message, _labels(said)


def _labels(rows: Sequence[Classification]) -> set[str]:
    reviews = [each for row in rows for each in row.reviews.all() if each.verdict in DECISIONS]
    latest: dict[int, str] = {}
    for review in sorted(reviews, key=lambda each: each.pk):
        if review.settles:
            latest.clear()
        latest[review.reviewer_id] = review.label
    return set(latest.values())
