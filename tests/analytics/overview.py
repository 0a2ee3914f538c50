"""What the tests of the overview share: conversations of other days, labels of other tasks."""

import math
from datetime import datetime

from django.urls import reverse

from chat import labels
from chat.models import Classification, Conversation, Message
from inference.models import Task
from inference.sequence import Classified
from tests.chat.desk import MODEL

URL = reverse("analytics:overview")


def dated(talk: Conversation, at: str) -> None:
    """Move all of a conversation to a moment, as if it had happened then."""
    moment = datetime.fromisoformat(at)
    talk.messages.update(created=moment)
    with Conversation.objects.changing(talk.pk) as changed:
        changed.last_message_at = moment


def task_label(message: Message, slug: str, label: str) -> Classification:
    """The model gives a message a label of a task other than the mood."""
    task = Task.objects.select_related("current").get(slug=slug)
    shares = {name: 0.9 if name == label else 0.01 for name in task.current.names}
    logs = {name: math.log(share) for name, share in shares.items()}
    result = Classified(slug, logs, shares, label, 0.9, 1.0)
    return labels.record(message, labels.TaskRun(task, task.current), result, MODEL)


def shown(client, **query):
    return client.get(URL, query).context["overview"]


def followed(client, address: str) -> list[str]:
    return sorted(row.title for row in client.get(address).context["page"].object_list)


def by_name(overview) -> dict:
    return {each.name: each for each in overview.periods if each.messages}
