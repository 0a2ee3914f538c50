"""Labels of one conversation that are stored at the same time. SQLite has one writer at a time, so
only PostgreSQL can show this.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection, connections

from chat import labels, messages
from chat.models import Alert, AlertRule
from inference.models import Task
from tests.chat.desk import conversation, reads

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL"),
]
TOGETHER = 6


def test_one_rise_is_told_once_however_many_labels_come_at_once():
    AlertRule.objects.exclude(kind="repeated").update(enabled=False)
    talk = conversation()
    said = [messages.receive(talk.pk, uuid4().hex, "Hm").visitor for _ in range(TOGETHER)]
    version = Task.objects.get(slug=labels.MOOD_TASK).current
    together = Barrier(TOGETHER, timeout=30)

    def label(message) -> None:
        try:
            together.wait()
            reads(message, version, "Negative")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TOGETHER) as others:
        list(others.map(label, said))
    assert Alert.objects.count() == 1
