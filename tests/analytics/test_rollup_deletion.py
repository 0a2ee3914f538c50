"""Conversations that are deleted while they are counted. SQLite has one writer at a time: there a
deletion waits for the count, so only PostgreSQL can show this.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.urls import reverse

from analytics import rollup
from analytics.counting import count
from analytics.models import ConversationHour
from chat.models import Conversation
from tests.chat.desk import conversation, says, staff

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL"),
]


def delete_elsewhere(pk) -> None:
    """In another transaction, that has ended before this returns."""

    def delete() -> None:
        try:
            Conversation.objects.filter(pk=pk).delete()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        other.submit(delete).result(10)


@pytest.fixture
def deleted(monkeypatch):
    """Is deleted as soon as its rows have been made and before they are stored."""
    talk = conversation(name="Gone")
    says(talk, "Hello", "Negative")

    def count_and_delete(batch):
        rows = count(batch)
        delete_elsewhere(talk.pk)
        return rows

    monkeypatch.setattr(rollup, "count", count_and_delete)


def test_the_page_shows_the_others(client, deleted):
    says(conversation(name="Anna"), "Hello", "Positive")
    client.force_login(staff("lead"))
    response = client.get(reverse("analytics:overview"))
    assert response.status_code == 200
    total = response.context["overview"].total
    assert (total.conversations, total.positive, total.negative) == (1, 1, 0)


def test_a_page_that_stops_trying_says_what_its_figures_lack(client, deleted, monkeypatch):
    says(conversation(name="Anna"), "Hello", "Positive")
    monkeypatch.setattr(rollup, "ATTEMPTS", 0)  # as if somebody deleted one during each of them
    client.force_login(staff("lead"))
    assert "2 conversations changed" in client.get(reverse("analytics:overview")).content.decode()


def test_nothing_is_left_of_it(deleted):
    says(conversation(name="Anna"), "Hello", "Positive")
    assert rollup.refresh(10) == 1
    assert ConversationHour.objects.count() == 1
