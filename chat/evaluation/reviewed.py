"""What people decided in the review queue, as a test set: their label is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from chat import history, messages, opinions
from chat.evaluation.labelled import STORED, Example, TooFewExamples
from chat.models import Message
from inference.models import TaskVersion
from inference.tasks import ChatMessage

LEAST = 10  # messages; figures on fewer say nothing


@dataclass(frozen=True)
class ReviewedExample(Example):
    """A stored message. Its conversation is read when it is asked for, once: most never are."""

    stored: Message = field(kw_only=True)

    @cached_property
    def conversation(self) -> tuple[ChatMessage, ...]:
        return self.turns or history.prompt_messages("", messages.up_to(self.stored))[1:]


@dataclass(frozen=True)
class ReviewedSet:
    """The examples, oldest first, and how many decided messages could not be among them."""

    examples: tuple[Example, ...]
    disputed: int = 0  # reviewers differ, and nobody settled it
    other_label: int = 0  # the decided label is not one of the version's


def read(version: TaskVersion) -> ReviewedSet:
    """Every message that people decided on for the version's task, whatever version it was read by.

    A reviewer's last decision counts; where reviewers differ and nobody settled it the message is
    left out, and so is one that was only dismissed. Each example has the conversation of its
    message, for versions that see those.

    Raises:
        TooFewExamples: fewer than `LEAST` messages are left, or all with the same label.
    """
    decided = list(opinions.held(version.task_id))
    agreed = [(message, labels.pop()) for message, labels in decided if len(labels) == 1]
    usable = [(message, label) for message, label in agreed if label in version.names]
    found = ReviewedSet(
        tuple(_example(message, label) for message, label in usable),
        disputed=len(decided) - len(agreed),
        other_label=len(agreed) - len(usable),
    )
    require(version.task.slug, found.examples, _left_out(found))
    return found


def require(slug: str, examples: Sequence[Example], left_out: str = "") -> None:
    """Refuse what figures would say nothing on.

    Raises:
        TooFewExamples: as `read`.
    """
    if problem := _problem(examples):
        raise TooFewExamples(f"--reviews: {slug} {problem}{left_out}")


def _example(message: Message, label: str) -> ReviewedExample:
    return ReviewedExample(message.pk, message.text, label, kind=STORED, stored=message)


def _problem(examples: Sequence[Example]) -> str | None:
    """Why this is no test set, in words; None if it is one."""
    labels = {example.label for example in examples}
    if len(examples) < LEAST:
        return f"has {len(examples)} reviewed messages; {LEAST} are needed."
    if len(labels) < 2:
        return f"has reviews of one label only ({labels.pop()}); at least two are needed."
    return None


def _left_out(found: ReviewedSet) -> str:
    if not found.disputed and not found.other_label:
        return ""
    return (
        f" Left out are {found.disputed} that reviewers disagree on and {found.other_label} "
        "with a label that this version does not have."
    )
