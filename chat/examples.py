"""Reviewed messages as examples: the ones most like a new message are shown to the model with it.

Each process keeps an index of a task's newest reviewed messages. When there is a new decision, what
changed is read and nothing else, so looking for examples costs milliseconds.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Q

from chat import masking, opinions
from chat.labels import TaskRun
from chat.models import Conversation, Message, Review
from chat.similarity import Similar
from inference.models import TaskVersion
from inference.repeat import normalised
from inference.tasks import Shot

MOST = 2000  # newest reviewed messages that a task looks among
LONGEST = 300  # characters of an example: they are there for a label, not to be read in full
OVERLAP = 100  # newest decisions read once more: transactions end in another order than they began


@dataclass
class _Index:
    """The reviewed messages of one task, by primary key."""

    task_id: int
    seen: int = 0  # primary key of the newest decision that was looked at
    shots: dict[int, Shot] = field(default_factory=dict)
    similar: Similar = field(default_factory=Similar)


_indexes: dict[int, _Index] = {}  # by task
_lock = threading.Lock()


def shown(run: TaskRun, text: str, message: int | None = None) -> TaskRun:
    """The run with the examples for one text, if its task shows any. Synchronous, with ORM calls.

    A task that reads conversations has none: a message's label there hangs on what came before.

    Args:
        message: primary key of the stored message that this is, which is never its own example.
            Without it no reviewed message of the same words is: it may be that very message.
    """
    alone = run.version.context == TaskVersion.Context.MESSAGE
    if not run.task.few_shot or not alone:
        return run
    with _lock:
        shots = _chosen(run, text, message)
    return replace(run, shots=shots)


def forget() -> None:
    """Drop what this process has indexed; the next message reads it anew."""
    with _lock:
        _indexes.clear()


def _chosen(run: TaskRun, text: str, message: int | None) -> tuple[Shot, ...]:
    keys, index = _likest(run, text, message)
    if len(keys) > Message.objects.filter(pk__in=keys).count():  # somebody deleted a conversation
        del _indexes[run.task.pk]
        keys, index = _likest(run, text, message)
    return tuple(index.shots[key] for key in reversed(keys))


def _likest(run: TaskRun, text: str, message: int | None) -> tuple[list[int], _Index]:
    """The likest first. They are shown the other way round: the last is remembered best.

    Zhao et al. 2021, "Calibrate Before Use", on the order of examples.
    """
    index, keys = _fresh(run.task.pk), []
    masked = masking.masked(text)
    said = {normalised(masked)} if message is None else set()
    for key in index.similar.ranked(masked):
        shot = index.shots[key]
        words = normalised(shot.text)
        if key == message or words in said or shot.label not in run.version.names:
            continue
        said.add(words)
        keys.append(key)
        if len(keys) == run.task.examples:
            break
    return keys, index


def _fresh(task_id: int) -> _Index:
    """The task's index, with every decision that there is by now."""
    newest = Review.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    index = _indexes.get(task_id)
    if index is None or newest < index.seen:
        index = _indexes[task_id] = _Index(task_id)
    if newest != index.seen:
        _read(index)
        index.seen = newest
    return index


def _read(index: _Index) -> None:
    decided = Review.objects.filter(
        classification__version__task=index.task_id, pk__gt=index.seen - OVERLAP
    )
    rows = decided.order_by("-pk").values_list("classification__message", flat=True)
    found = list(opinions.held(index.task_id, set(rows[:MOST])))
    names = _names({message.conversation_id for message, _ in found})
    for message, held in found:
        _put(index, message, held, names.get(message.conversation_id, ()))
    for key in sorted(index.shots)[: max(0, len(index.shots) - MOST)]:
        _drop(index, key)


def _put(index: _Index, message: Message, held: set[str], names: Collection[str]) -> None:
    if len(held) != 1:  # people disagree by now
        _drop(index, message.pk)
        return
    text = masking.masked(message.text, names)[:LONGEST]
    index.shots[message.pk] = Shot(text, next(iter(held)))
    index.similar.put(message.pk, text)


def _drop(index: _Index, key: int) -> None:
    index.shots.pop(key, None)
    index.similar.drop(key)


def _names(conversations: Collection[UUID]) -> Mapping[UUID, list[str]]:
    """What visitors are called: as they gave it to the form, or introduced themselves."""
    rows = Conversation.objects.filter(pk__in=conversations).exclude(name="")
    found = {pk: [name] for pk, name in rows.values_list("pk", "name")}
    hints = Q()
    for hint in masking.INTRODUCTIONS:
        hints |= Q(text__icontains=hint)
    told = Message.objects.from_visitor().filter(hints, conversation__in=conversations)
    for pk, text in told.values_list("conversation", "text"):
        found.setdefault(pk, []).extend(masking.introduced(text))
    return found
