"""How often people agree with the model."""

from datetime import datetime

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from analytics.agreement import agreement, wilson
from chat import labels
from chat.models import Review
from inference.models import Task
from tests.chat.desk import conversation, reads, says, staff

URL = reverse("analytics:agreement")


@pytest.fixture
def ana(db):
    return staff("reviewer", "ana")


def decided(reviewer, verdict: str = "confirmed", label: str = "", *, at: str = "") -> Review:
    review = labels.review(says(conversation(), "Hm", "Negative"), reviewer, verdict, label)
    if at:
        Review.objects.filter(pk=review.pk).update(created=datetime.fromisoformat(at))
    return review


def test_counts_labels_by_whether_they_stood(ana):
    decided(ana)
    decided(ana)
    decided(ana, "corrected", "Neutral")
    decided(ana, "dismissed")
    (week,) = agreement().weeks
    assert (week.decided, week.agreed) == (3, 2)
    assert week.share == pytest.approx(2 / 3)


def test_of_several_decisions_on_a_label_the_last_counts(ana):
    review = decided(ana)
    labels.review(review.classification, staff("reviewer", "ben"), "corrected", "Neutral")
    (week,) = agreement().weeks
    assert (week.decided, week.agreed) == (1, 0)
    assert agreement().disputed == 1


def test_weeks_begin_on_monday_where_the_desk_is(ana):
    decided(ana, at="2026-11-15T22:30:00+00:00")  # Sunday in UTC, in Shanghai it is Monday
    with timezone.override("UTC"):
        assert [week.name for week in agreement(weeks=5000).weeks] == ["2026-11-09"]
    with timezone.override("Asia/Shanghai"):
        assert [week.name for week in agreement(weeks=5000).weeks] == ["2026-11-16"]


def test_old_decisions_are_left_out(ana):
    decided(ana, at="2001-01-01T00:00:00+00:00")
    assert agreement().weeks == ()


def test_wordings_are_told_apart(ana):
    decided(ana)
    (wording,) = agreement().wordings
    assert wording.name == "Sentiment, version 1, on scripted@test/float32"


def test_tasks_of_the_same_name_are_told_apart_by_their_slugs(ana):
    decided(ana)
    old = Task.objects.get(slug="sentiment")
    new = Task.objects.create(slug="feeling", name=old.name)
    new.publish(prompt="How?", context="message", labels=old.current.labels)
    message = says(conversation(), "Hm", "Negative").message
    labels.review(reads(message, new.current, "Negative"), ana, "corrected", "Neutral")
    assert [(each.name, each.decided, each.agreed) for each in agreement().wordings] == [
        ("Sentiment (feeling), version 1, on scripted@test/float32", 1, 0),
        ("Sentiment (sentiment), version 1, on scripted@test/float32", 1, 1),
    ]


def test_the_range_of_a_share_by_hand():
    # Wilson's interval of 8 out of 10: 0.490 to 0.943
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=0.001)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_range_holds_the_share_mirrors_and_narrows(counts):
    hits, n = counts
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n + 1e-9
    assert hits / n - 1e-9 <= high <= 1
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low))
    more = wilson(2 * hits, 2 * n)
    assert more[1] - more[0] <= high - low


class TestThePage:
    def test_shows_the_share_and_its_range_as_a_table_too(self, client, ana):
        decided(ana)
        client.force_login(ana)
        page = client.get(URL).content.decode()
        assert "100%" in page
        assert "21% to 100%" in page
        assert 'id="agreement-chart"' in page

    def test_without_decisions_says_so(self, client, ana):
        client.force_login(ana)
        assert "No decisions yet" in client.get(URL).content.decode()

    def test_costs_the_same_whatever_it_holds(self, client, ana, django_assert_max_num_queries):
        client.force_login(ana)
        decided(ana)
        with django_assert_max_num_queries(10) as few:
            client.get(URL)
        for _ in range(4):
            decided(ana, "corrected", "Neutral")
        with django_assert_max_num_queries(len(few)):
            client.get(URL)
