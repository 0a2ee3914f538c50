"""The named cast of the desk's tests: staff of every role, and visitors with moods."""

import asyncio
import math
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from django.contrib.auth.models import Group
from django.utils import timezone

from chat import extractions, labels, messages
from chat.conversations import open_conversation
from chat.models import Classification, Conversation, Extraction, Message, User
from chat.models.message import State
from inference.models import Task, TaskVersion
from inference.sequence import Classified, Extracted, Thought

MODEL = "scripted@test/float32"
WRITTEN = '{"order": "A-17", "product": null, "amount": "20 €", "action": "refund"}'
ROLES = ("agent", "reviewer", "lead")


def staff(role: str | None, name: str = "", **fields) -> User:
    """A member of staff in the group `role`; None is staff without any rights."""
    user = User.objects.create(username=name or role or "nobody", is_staff=True, **fields)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def conversation(**fields) -> Conversation:
    return open_conversation(**fields)


def says(
    talk: Conversation, text: str, label: str, confidence: float = 0.9, *, days_ago: float = 0
) -> Classification:
    """A visitor writes, and the model labels it."""
    received = messages.receive(talk.pk, uuid4().hex, text)
    if days_ago:
        created = timezone.now() - timedelta(days=days_ago)
        Message.objects.filter(pk=received.visitor.pk).update(created=created)
        received.visitor.created = created
    if received.reply:
        messages.finish(received.reply, State.DONE, "I am sorry to hear that.")
    task = Task.objects.get(slug=labels.MOOD_TASK)
    row = reads(received.visitor, task.current, label, confidence)
    Classification.objects.filter(pk=row.pk).update(created=received.visitor.created)
    talk.refresh_from_db()
    return row


def reads(
    message: Message,
    version: TaskVersion,
    label: str,
    confidence: float = 0.9,
    *,
    thought: str | None = None,
) -> Classification:
    """The model labels a stored message with this version of a task, perhaps behind a thought."""
    run = labels.TaskRun(version.task, version)
    result = _result(run, label, confidence)
    if thought is not None:
        result = replace(result, thought=Thought(thought, 7, 1.0))
    return labels.record(message, run, result, MODEL)


def writes(
    message: Message, text: str = WRITTEN, *, slug: str = "details", complete: bool = True
) -> Extraction:
    """The model writes JSON about a stored message."""
    task = Task.objects.get(slug=slug)
    event = Extracted(slug, text, complete, 20, 5.0)
    return extractions.record(message, labels.TaskRun(task, task.current), event, MODEL)


def _result(run, label: str, confidence: float) -> Classified:
    names = run.version.names
    rest = (1 - confidence) / (len(names) - 1)
    shares = {name: confidence if name == label else rest for name in names}
    logs = {name: math.log(share) for name, share in shares.items()}
    return Classified(run.task.slug, logs, shares, label, confidence, 1.0)


async def stored() -> Classification:
    """The first label of all, once it is stored: a moment after the engine gave it."""
    rows = Classification.objects.select_related("message")
    async with asyncio.timeout(5):
        while not (row := await rows.afirst()):
            await asyncio.sleep(0.01)
    return row
