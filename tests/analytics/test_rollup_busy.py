"""What is shown, said and taken out while another process counts. SQLite has one writer at a time:
there whoever comes second waits, so only PostgreSQL can show this.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.urls import reverse

from analytics import downloads, rollup
from analytics.counting import count
from tests.analytics.overview import URL
from tests.chat.desk import conversation, says

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL"),
]
LIST = reverse("analytics:conversations")
EXPORT = reverse("analytics:export", args=["conversations", "csv"])


@pytest.fixture
def busy(monkeypatch):
    """Three conversations changed since the first was counted, and another process is counting one
    of them; calling it lets the other come to its end.
    """
    says(conversation(name="Anna"), "Hello", "Negative")
    rollup.refresh(1)
    for name in ("Bo", "Chen", "Dora"):
        says(conversation(name=name), "Hello", "Negative")
    begun, end = Event(), Event()

    def count_slowly(batch):
        begun.set()
        assert end.wait(10)
        return count(batch)

    def elsewhere() -> None:
        try:
            rollup.refresh(1)
        finally:
            connections.close_all()

    monkeypatch.setattr(rollup, "count", count_slowly)
    with ThreadPoolExecutor(1) as other:
        running = other.submit(elsewhere)
        assert begun.wait(10)

        def finish() -> None:
            end.set()
            running.result(10)

        yield finish
        finish()


@pytest.fixture
def ends_soon(busy: Callable, monkeypatch):
    """The other process has ended by the time that somebody who waited for it looks again."""
    monkeypatch.setattr(rollup, "sleep", lambda _: busy())


@pytest.mark.parametrize("address", [URL, LIST])
def test_a_page_says_what_its_figures_lack(lead, busy, address):
    assert "3 conversations changed" in lead.get(address).content.decode()


@pytest.mark.usefixtures("ends_soon")
def test_a_page_waits_a_moment_for_one_beside_it(lead):
    page = lead.get(URL)
    assert page.context["overview"].total.conversations == 4
    assert "conversations changed" not in page.content.decode()


@pytest.mark.usefixtures("ends_soon")
def test_the_command_waits_and_counts_what_is_left(capsys):
    call_command("count_conversations")
    assert "2 conversations counted" in capsys.readouterr().out
    assert rollup.left() == 0


def test_a_table_that_lacks_some_of_what_it_is_asked_for_is_refused(lead, busy, monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 0)
    response = lead.get(EXPORT, {"outcome": "lost"})
    assert response.status_code == 503
    assert "3 conversations" in response.content.decode()
