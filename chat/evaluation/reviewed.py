"""What people decided in the review queue, as a test set: their label is the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from chat import history, messages
from chat.evaluation.labelled import Example, TooFewExamples
from chat.models import Classification, Message, Review
from inference.models import TaskVersion

LEAST = 10  # messages; figures on fewer say nothing
DECISIONS = (Review.Verdict.CONFIRMED, Review.Verdict.CORRECTED)


@dataclass(frozen=True)
class ReviewedSet:
    """The examples, oldest first, and how many decided messages could not be among them."""

    examples: tuple[Example, ...]
    disputed: int = 0  # reviewers differ, and nobody settled it
    other_label: int = 0  # the decided label is not one of the version's


def read(version: TaskVersion) -> ReviewedSet:
    """Every message that people decided on for the version's task, whatever version it was read by.

    A reviewer's last decision counts; where reviewers differ and nobody settled it the message is
    left out, and so is one that was only dismissed. A version that sees conversations gets each
    message's own.

    Raises:
        TooFewExamples: fewer than `LEAST` messages are left, or all with the same label.
    """
    decided = [(message, _opinions(rows)) for message, rows in _by_message(version)]
    agreed = [(message, labels.pop()) for message, labels in decided if len(labels) == 1]
    usable = [(message, label) for message, label in agreed if label in version.names]
    found = ReviewedSet(
        tuple(_example(message, label, version) for message, label in usable),
        disputed=len(decided) - len(agreed),
        other_label=len(agreed) - len(usable),
    )
    if problem := _problem(found):
        raise TooFewExamples(f"--reviews: {version.task.slug} {problem}")
    return found


def _by_message(version: TaskVersion) -> Iterator[tuple[Message, Sequence[Classification]]]:
    """Every message with a decision of this task, with all that was said of it, oldest first."""
    decided = Review.objects.filter(verdict__in=DECISIONS).values("classification")
    rows = (
        Classification.objects.filter(version__task=version.task_id, pk__in=decided)
        .select_related("message")
        .prefetch_related("reviews")
        .order_by("message_id", "pk")
    )
    for _, group in groupby(rows, key=lambda row: row.message_id):
        said = list(group)
        yield said[0].message, said


def _opinions(rows: Sequence[Classification]) -> set[str]:
    """The labels that reviewers hold of one message by now: one if they agree or it was settled."""
    reviews = [each for row in rows for each in row.reviews.all() if each.verdict in DECISIONS]
    latest: dict[int, str] = {}
    for review in sorted(reviews, key=lambda each: each.pk):
        if review.settles:
            latest.clear()
        latest[review.reviewer_id] = review.label
    return set(latest.values())


def _example(message: Message, label: str, version: TaskVersion) -> Example:
    turns = ()
    if version.context == TaskVersion.Context.CONVERSATION:
        turns = history.prompt_messages("", messages.up_to(message))[1:]
    return Example(message.pk, message.text, label, turns=turns, kind="Message")


def _problem(found: ReviewedSet) -> str | None:
    """Why this is no test set, in words; None if it is one."""
    labels = {example.label for example in found.examples}
    if len(found.examples) >= LEAST and len(labels) > 1:
        return None
    if len(found.examples) >= LEAST:
        return f"has reviews of one label only ({labels.pop()}); at least two are needed."
    left_out = ""
    if found.disputed or found.other_label:
        left_out = (
            f" Left out are {found.disputed} that reviewers disagree on and {found.other_label} "
            "with a label that this version does not have."
        )
    return f"has {len(found.examples)} reviewed messages; {LEAST} are needed.{left_out}"
