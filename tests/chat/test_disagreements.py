"""Two reviewers, two opinions: how a disagreement is seen, settled and remembered."""

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from chat import labels
from chat.models import Classification, Review, User
from tests.chat.desk import conversation, says, staff

QUEUE = reverse("admin:chat_classification_changelist")


@pytest.fixture
def row(db):
    return says(conversation(name="Anna"), "Well done, again.", "Negative", 0.93)


@pytest.fixture
def ana(db):
    return staff("reviewer", "ana")


@pytest.fixture
def ben(db):
    return staff("reviewer", "ben")


@pytest.fixture
def lea(db):
    return staff("lead", "lea")


def disputed(row) -> bool:
    return Classification.objects.get(pk=row.pk).disputed


def decide(client, row, **decision):
    address = reverse("admin:chat_classification_review", args=[row.pk])
    return client.post(address, decision, follow=True)


def test_different_labels_of_two_reviewers_are_a_disagreement(row, ana, ben):
    labels.review(row, ana, "confirmed")
    assert not disputed(row)
    labels.review(row, ben, "corrected", "Positive")
    assert disputed(row)


def test_the_same_label_or_a_dismissal_is_none(row, ana, ben, lea):
    labels.review(row, ana, "corrected", "Neutral")
    labels.review(row, ben, "corrected", "Neutral")
    labels.review(row, lea, "dismissed")
    assert not disputed(row)


def test_one_may_change_one_s_mind(row, ana, ben):
    labels.review(row, ana, "confirmed")
    labels.review(row, ana, "corrected", "Neutral")
    assert not disputed(row)
    labels.review(row, ben, "confirmed")
    labels.review(row, ben, "corrected", "Neutral")
    assert not disputed(row)


def test_who_may_settle_ends_it_and_the_label_stands(client, row, ana, ben, lea):
    labels.review(row, ana, "confirmed")
    labels.review(row, ben, "corrected", "Positive")
    client.force_login(lea)
    page = client.get(reverse("admin:chat_classification_change", args=[row.pk]))
    assert "Your decision settles it" in page.content.decode()
    decide(client, row, verdict="corrected", label="Neutral")
    assert not disputed(row)
    last = Review.objects.first()
    assert (last.reviewer, last.settles, last.label) == (lea, True, "Neutral")
    assert Classification.objects.get(pk=row.pk).decided_label == "Neutral"


def test_who_may_not_settle_only_adds_an_opinion(client, row, ana, ben):
    labels.review(row, ana, "confirmed")
    labels.review(row, ben, "corrected", "Positive")
    client.force_login(staff("reviewer", "cem"))
    decide(client, row, verdict="confirmed")
    assert disputed(row)
    assert not Review.objects.filter(settles=True).exists()


def test_a_lead_s_word_settles_nothing_where_nobody_disagrees(row, lea):
    assert not labels.review(row, lea, "confirmed", may_settle=True).settles


def test_after_it_is_settled_a_new_opinion_may_differ_again(row, ana, ben, lea):
    labels.review(row, ana, "confirmed")
    labels.review(row, ben, "corrected", "Positive")
    labels.review(row, lea, "confirmed", may_settle=True)
    assert not disputed(row)
    labels.review(row, ben, "corrected", "Neutral")
    assert disputed(row)


def test_the_queue_has_them_apart(client, row, ana, ben, lea):
    client.force_login(lea)
    labels.review(row, ana, "confirmed")
    assert list(client.get(QUEUE, {"queue": "disputed"}).context["cl"].result_list) == []
    labels.review(row, ben, "corrected", "Positive")
    listed = client.get(QUEUE, {"queue": "disputed"})
    assert list(listed.context["cl"].result_list) == [row]
    assert "Disputed" in listed.content.decode()


class TestTheHistory:
    URL = reverse("admin:chat_review_changelist")

    def test_says_who_decided_what_and_why(self, client, row, ana, ben):
        labels.review(row, ana, "confirmed", note="She means it")
        labels.review(row, ben, "corrected", "Positive", "<b>irony</b>")
        client.force_login(ana)
        page = client.get(self.URL).content.decode()
        assert all(word in page for word in ("ana", "ben", "She means it", "Positive"))
        assert "<b>irony</b>" not in page

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"verdict__exact": "corrected"}, ["ben"]),
            ({"q": "irony"}, ["ben"]),
            ({"q": "Well done"}, ["ben", "ana"]),
            ({"settles__exact": "1"}, []),
        ],
    )
    def test_is_searched(self, client, row, ana, ben, query, found):
        labels.review(row, ana, "confirmed")
        labels.review(row, ben, "corrected", "Positive", "irony")
        client.force_login(ana)
        listed = client.get(self.URL, query).context["cl"].result_list
        assert [review.reviewer.username for review in listed] == found

    def test_costs_the_same_whatever_it_holds(
        self, client, row, ana, django_assert_max_num_queries
    ):
        labels.review(row, ana, "confirmed")
        client.force_login(ana)
        with django_assert_max_num_queries(20) as few:
            client.get(self.URL)
        for _ in range(4):
            labels.review(says(conversation(), "No", "Negative"), ana, "confirmed")
        with django_assert_max_num_queries(len(few)):
            client.get(self.URL)


DECISIONS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["Positive", "Neutral", None]), st.booleans())
)


def decided(decisions) -> Classification:
    """A label with these decisions (who, label or a dismissal, settles), none of them stored."""
    row = Classification(label="Negative", pk=1)
    row._prefetched_objects_cache = {
        "reviews": [
            Review(
                pk=number,
                reviewer=User(pk=ord(who)),
                verdict="corrected" if label else "dismissed",
                label=label or "Negative",
                settles=settles and label is not None,
            )
            for number, (who, label, settles) in enumerate(decisions)
        ]
    }
    return row


@given(DECISIONS)
def test_each_reviewer_has_one_opinion_at_most_and_it_is_their_last(decisions):
    opinions = decided(decisions).opinions
    assert len({review.reviewer_id for review in opinions}) == len(opinions)
    for review in opinions:
        later = decisions[review.pk + 1 :]
        assert not any(label for who, label, _ in later if ord(who) == review.reviewer_id)


@given(DECISIONS, st.sampled_from("abc"))
def test_a_decision_that_settles_leaves_no_disagreement(decisions, who):
    assert not decided([*decisions, (who, "Neutral", True)]).disagreed
