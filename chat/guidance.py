"""Mood in the loop: what a label tells the reply of the same turn.

Where a task's switch `guides_reply` is on, the reply waits for the task's label. The label's own
instruction goes with the reply if the label is as sure as the task's threshold asks for, and a
label with the flag `person` brings one.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from chat import labels
from chat.labels import TaskRun
from chat.models import Message
from inference.tasks import Reply

PERSON = "person"  # the flag of labels that bring a person


@dataclass
class Held:
    """A reply that waits for labels, in the order of `slugs`."""

    reply: Reply
    slugs: tuple[str, ...]
    told: dict[str, str] = field(default_factory=dict)  # instruction by slug, empty for none
    since: float = field(default_factory=time.monotonic)

    def is_over(self, ended: Collection[str]) -> bool:
        """Whether none is waited for any more, now that these have ended, told or failed."""
        for slug in ended:
            self.told.setdefault(slug, "")
        return self.told.keys() >= set(self.slugs)

    @property
    def guided(self) -> Reply:
        return replace(self.reply, guidance=_joined(self.told[slug] for slug in self.slugs))

    @property
    def waited_ms(self) -> float:
        return (time.monotonic() - self.since) * 1000


def awaited(runs: Collection[TaskRun]) -> tuple[str, ...]:
    """The slugs of the tasks whose label may tell the reply something."""
    return tuple(run.task.slug for run in runs if _may_tell(run))


def instruction(run: TaskRun, label: str, confidence: float) -> str:
    """What this label tells the reply; empty for nothing."""
    return run.version.guidance(label) if _counts(run, confidence) else ""


def brings_person(run: TaskRun, label: str, confidence: float) -> bool:
    """Whether a person is to take over for this label."""
    return _counts(run, confidence) and PERSON in run.version.flags(label)


def stored(message: Message) -> str:
    """What the labels that a message has by now tell a reply. Synchronous, with ORM calls.

    For replies that run later than their message was read: queued ones, and those that are retried.
    A person's decision counts as certain. A label that is missing tells nothing.
    """
    telling = filter(_may_tell, labels.enabled_tasks())
    said = [(run, labels.standing_of(message, run.task)) for run in telling]
    return _joined(
        instruction(run, each.label, 1.0 if each.review else each.row.confidence)
        for run, each in said
        if each is not None
    )


def waits(last: int = 200) -> Mapping[str, float] | None:
    """How long the newest replies that waited had to, in ms; None if none did.

    Synchronous, with ORM calls.
    """
    rows = Message.objects.replies().exclude(label_wait_ms=None).order_by("-pk")
    found = sorted(rows.values_list("label_wait_ms", flat=True)[:last])
    if not found:
        return None
    return {
        "n": len(found),
        "p50_ms": found[len(found) // 2],
        "p95_ms": found[int(len(found) * 0.95)],
    }


def _may_tell(run: TaskRun) -> bool:
    return run.task.guides_reply and any(map(run.version.guidance, run.version.names))


def _counts(run: TaskRun, confidence: float) -> bool:
    return run.task.guides_reply and confidence >= run.task.threshold


def _joined(instructions) -> str:
    return " ".join(dict.fromkeys(each for each in instructions if each))
