"""A message that several versions of a task have read has one label that counts."""

import pytest

from chat import labels
from chat.models import Classification, Conversation, MoodCount
from inference.models import Task
from tests.chat.desk import conversation, reads, says, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def first():
    """What version 1 said of an angry message, flagged."""
    return says(conversation(), "You lost it again!", "Negative")


@pytest.fixture
def second_version(first):
    task = first.version.task
    current = first.version
    return task.publish(prompt="Mood?", labels=current.labels, context=current.context)


def counts() -> dict[str, int]:
    return dict(MoodCount.objects.filter(count__gt=0).values_list("label", "count"))


def test_a_later_version_replaces_what_an_earlier_one_said(first, second_version):
    reads(first.message, second_version, "Neutral")
    first.message.refresh_from_db()
    assert first.message.label == "Neutral"
    assert counts() == {"Neutral": 1}
    assert Classification.objects.count() == 2


def test_a_later_version_changes_nothing_that_a_person_decided(first, second_version):
    labels.review(first, staff("reviewer"), "corrected", "Positive")
    reads(first.message, second_version, "Neutral")
    first.message.refresh_from_db()
    assert first.message.label == "Positive"
    assert counts() == {"Positive": 1}


def test_what_was_flagged_before_is_not_flagged_again(first, second_version):
    again = reads(first.message, second_version, "Negative")
    assert not again.flagged
    assert Conversation.objects.get().flagged == 1


def test_what_was_reviewed_before_is_not_flagged_again(first, second_version):
    labels.review(first, staff("reviewer"), "dismissed")
    assert not reads(first.message, second_version, "Negative").flagged
    assert Conversation.objects.get().flagged == 0


def test_a_review_of_an_earlier_version_counts_from_then_on(first, second_version):
    reads(first.message, second_version, "Neutral")
    labels.review(first, staff("reviewer"), "confirmed")
    first.message.refresh_from_db()
    assert first.message.label == "Negative"
    assert counts() == {"Negative": 1}


def test_the_same_version_labels_a_message_once(first):
    again = reads(first.message, first.version, "Positive")
    assert (again.pk, again.label) == (first.pk, "Negative")
    assert counts() == {"Negative": 1}


def test_other_tasks_are_counted_apart(first):
    urgency = Task.objects.get(slug="urgency")
    reads(first.message, urgency.current, "High")
    assert counts() == {"Negative": 1, "High": 1}
