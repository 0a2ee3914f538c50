"""Bulk seeding: as much as was asked for, and as the verbs would have left it."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum

from chat.labels import MOOD_TASK
from chat.models import Classification, Conversation, Message, MoodCount, Review

pytestmark = pytest.mark.django_db


def seed(**options) -> None:
    call_command("seed_bulk", **{"conversations": 12, "messages": 100, **options})


def test_it_makes_exactly_what_was_asked_for_and_says_so(capsys):
    seed(json=True)
    assert (Conversation.objects.count(), Message.objects.count()) == (12, 100)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["conversations"], figures["messages"]) == (12, 100)


def test_every_visitor_message_is_labelled_and_counted():
    seed()
    seed(seed=1, yes=True)
    said = Message.objects.from_visitor()
    assert said.filter(classifications__version__task__slug=MOOD_TASK).count() == said.count()
    assert MoodCount.objects.aggregate(n=Sum("count"))["n"] == Classification.objects.count()


def test_aggregates_are_those_that_the_verbs_would_have_kept():
    seed()
    for conversation in Conversation.objects.all():
        stored = (conversation.mood_score, conversation.mood_trend, conversation.visitor_count)
        open_flags = Classification.objects.filter(message__conversation=conversation).flagged()
        assert conversation.flagged == open_flags.unreviewed().count()
        conversation.refresh_mood()
        conversation.show_last("")
        now = (conversation.mood_score, conversation.mood_trend, conversation.visitor_count)
        assert now == pytest.approx(stored)


def test_what_counts_as_reviewed_has_a_decision():
    seed(messages=600)
    reviewed = Classification.objects.filter(reviewed=True)
    assert set(reviewed.values_list("pk", flat=True)) == set(
        Review.objects.values_list("classification", flat=True)
    )


def test_the_same_seed_tells_the_same():
    def told() -> list:
        Conversation.objects.all().delete()
        seed(seed=7)
        return list(Message.objects.order_by("conversation", "seq").values_list("text", "label"))

    assert told() == told()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans without statistics")
def test_the_planner_knows_the_rows_at_once():
    seed()
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'chat_message'")
        assert cursor.fetchone()[0] == 100


def test_a_database_that_is_not_empty_is_left_alone():
    Conversation.objects.create(visitor="somebody")
    with pytest.raises(CommandError, match="--yes"):
        seed()
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize("size", [(0, 10), (10, 9), (-1, 5)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(CommandError, match="--conversations must be 1 or more"):
        seed(conversations=size[0], messages=size[1])
