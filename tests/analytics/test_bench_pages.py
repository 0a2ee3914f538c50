"""The measuring command: what it reports, and when it fails."""

import json

import pytest
from django.core.management import CommandError, call_command

from chat.models import User
from tests.chat.desk import conversation, says

pytestmark = pytest.mark.django_db(transaction=True)  # a consumer looks after its connections


def bench(**options) -> None:
    call_command("bench_pages", **{"rounds": 2, **options})


@pytest.fixture
def counted():
    says(conversation(), "This is bad", "Negative")
    call_command("count_conversations")


@pytest.mark.usefixtures("counted")
class TestOnACountedDesk:
    def test_it_reports_every_page(self, capsys):
        bench(json=True)
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (figures["conversations"], figures["messages"]) == (1, 2)
        assert {"overview", "queue", "conversation"} <= figures["pages"].keys()
        for page in figures["pages"].values():
            assert 0 < page["p50_ms"] <= page["p95_ms"]
            assert page["queries"] > 0

    def test_it_reports_how_soon_an_open_page_hears_and_what_an_export_costs(self, capsys):
        bench(json=True)
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        live, export = figures["live"], figures["export"]
        assert 0 < live["p50_ms"] <= live["p95_ms"] < live["shown_ms"]
        assert (export["table"], export["rows"]) == ("messages", 2)
        assert export["grown_mb"] >= 0

    def test_it_leaves_nobody_behind(self):
        bench()
        assert not User.objects.exists()

    def test_a_page_over_the_limit_fails(self):
        with pytest.raises(CommandError, match=r"Over 0\.001 ms: overview"):
            bench(limit_ms=0.001)


def test_figures_that_are_behind_are_refused():
    says(conversation(), "This is bad", "Negative")
    with pytest.raises(CommandError, match="count_conversations"):
        bench()


def test_an_empty_desk_is_refused():
    with pytest.raises(CommandError, match="seed_bulk"):
        bench()


def test_one_round_is_too_few():
    with pytest.raises(CommandError, match="--rounds"):
        bench(rounds=1)
