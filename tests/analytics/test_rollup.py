"""The rollup: it always comes to what a fresh count would, and costs nothing when nothing moved."""

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import rollup
from analytics.models import ConversationHour, ConversationLabel
from chat import labels
from chat.conversations import set_status
from chat.models import Classification, Conversation, Message, Review
from tests.chat.desk import conversation, reads, says, staff

pytestmark = pytest.mark.django_db
NAMES = ("Positive", "Neutral", "Negative")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "review", "close", "delete", "look"]),
        st.integers(0, 2),
        st.sampled_from(NAMES),
    ),
    max_size=12,
)


def catch_up(limit: int = 2) -> None:
    while rollup.refresh(limit) == limit:
        pass


def totals() -> dict:
    names = ("conversations", "messages", "negative", "neutral", "positive")
    found = ConversationHour.objects.aggregate(**{name: Sum(name) for name in names})
    return {name: value or 0 for name, value in found.items()}


def counted_afresh() -> dict:
    said = Message.objects.from_visitor()
    return {
        "conversations": Conversation.objects.filter(message_count__gt=0).count(),
        "messages": Message.objects.exclude(text="").count(),
        "negative": said.filter(label="Negative").count(),
        "neutral": said.filter(label="Neutral").count(),
        "positive": said.filter(label="Positive").count(),
    }


def step(what: str, talk: Conversation, label: str, reviewer) -> None:
    row = Classification.objects.filter(message__conversation=talk).first()
    match what:
        case "look":
            rollup.refresh(1)
        case "say" if Conversation.objects.filter(pk=talk.pk).exists():
            says(talk, "Hello", label)
        case "review" if row:
            labels.review(row, reviewer, Review.Verdict.CORRECTED, label)
        case "close" if row:
            set_status(talk.pk, "closed")
        case "delete":
            Conversation.objects.filter(pk=talk.pk).delete()


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_whatever_happens_between_looks_it_comes_to_a_fresh_count(db, steps):
    with transaction.atomic():
        reviewer = staff("reviewer")
        talks = [conversation() for _ in range(3)]
        for what, which, label in steps:
            step(what, talks[which], label, reviewer)
        catch_up()
        assert totals() == counted_afresh()
        by_label = ConversationLabel.objects.aggregate(n=Sum("count"))["n"] or 0
        assert by_label == Classification.objects.count()
        closed = ConversationHour.objects.filter(status="closed").values("conversation").distinct()
        assert closed.count() == Conversation.objects.filter(status="closed").count()
        transaction.set_rollback(True)


def test_a_look_that_finds_nothing_changed_writes_nothing():
    says(conversation(), "Hello", "Neutral")
    catch_up()
    with CaptureQueriesContext(connection) as caught:
        assert rollup.refresh(10) == 0
    assert all(query["sql"].startswith("SELECT") for query in caught)


def test_conversations_that_changed_at_one_moment_are_all_counted():
    for _ in range(5):
        says(conversation(), "Hello", "Neutral")
    Conversation.objects.update(changed=timezone.now())  # as the migration leaves them
    assert rollup.left() == 5
    catch_up()
    assert rollup.left() == 0
    assert totals()["conversations"] == 5


def test_a_change_that_was_made_before_a_look_and_stored_after_it_is_found():
    early = conversation()
    says(early, "Hello", "Neutral")
    at = Conversation.objects.get(pk=early.pk).changed
    Conversation.objects.filter(pk=early.pk).update(message_count=0)  # not there to be seen yet
    says(conversation(), "Hello", "Neutral")
    catch_up(10)
    Conversation.objects.filter(pk=early.pk).update(message_count=2, changed=at)
    catch_up(10)
    assert totals()["conversations"] == 2


def test_it_is_found_after_a_look_that_had_more_to_count_than_it_may_too():
    early = conversation()
    says(early, "Hello", "Neutral")
    at = Conversation.objects.get(pk=early.pk).changed
    Conversation.objects.filter(pk=early.pk).update(message_count=0)  # not there to be seen yet
    for _ in range(4):
        says(conversation(), "Hello", "Neutral")
    catch_up(2)
    Conversation.objects.filter(pk=early.pk).update(message_count=2, changed=at)
    assert rollup.left() == 1
    catch_up(2)
    assert totals()["conversations"] == 5


def test_a_conversation_in_which_nobody_wrote_is_not_waited_for():
    conversation()
    assert rollup.left() == 0


def test_a_label_that_a_person_decided_outlives_what_a_later_wording_says():
    row = says(conversation(), "Nobody answers me", "Negative")
    labels.review(row, staff("reviewer"), Review.Verdict.CONFIRMED)
    task = row.version.task
    later = task.publish(prompt="Other words", labels=row.version.labels, context="message")
    reads(row.message, later, "Neutral")
    catch_up()
    assert list(ConversationLabel.objects.values_list("label", "count")) == [("Negative", 1)]
    assert totals()["negative"] == 1
