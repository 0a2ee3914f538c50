"""One conversation: its messages, their labels, and the figures of its chart."""

from uuid import uuid4

import pytest
from django.urls import reverse

from chat import labels
from chat.models import Classification, Message
from inference.models import Task
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db


def address(talk) -> str:
    return reverse("analytics:conversation", args=[talk.pk])


def test_shows_messages_with_labels_and_confidences_beside_the_chart(lead):
    talk = conversation(name="Anna")
    row = says(talk, "You lost my parcel!", "Negative", 0.93)
    page = lead.get(address(talk)).content.decode()
    assert "You lost my parcel!" in page
    assert "93%" in page
    assert 'id="mood-chart"' in page
    assert reverse("admin:chat_classification_change", args=[row.pk]) in page


def test_a_corrected_label_is_shown_as_such(lead):
    talk = conversation()
    row = says(talk, "It broke after a day.", "Negative", 0.8)
    labels.review(row, staff("reviewer"), "corrected", "Neutral")
    response = lead.get(address(talk))
    assert "corrected, the model said Negative 80%" in response.content.decode()
    (point,) = response.context["talk"].report.chart()
    assert (point["label"], point["corrected"], point["score"]) == ("Neutral", True, 0.0)


def test_the_chart_has_a_point_for_each_visitor_message_in_order(lead):
    talk = conversation()
    for label in ("Neutral", "Negative", "Positive"):
        says(talk, "Hello", label)
    points = lead.get(address(talk)).context["talk"].report.chart()
    assert [point["label"] for point in points] == ["Neutral", "Negative", "Positive"]
    assert [point["seq"] for point in points] == [1, 3, 5]


def test_without_visitor_messages_it_says_so(lead):
    page = lead.get(address(conversation())).content.decode()
    assert "No visitor message has a mood yet" in page
    assert "Nobody has written anything yet" in page


def test_a_reply_is_markdown_and_a_visitor_is_not(lead):
    talk = conversation()
    says(talk, "**bold** <script>alert(1)</script>", "Neutral")
    Message.objects.filter(role="assistant").update(text="**bold** <script>alert(1)</script>")
    page = lead.get(address(talk)).content.decode()
    assert page.count("<strong>bold</strong>") == 1
    assert "<script>alert" not in page


def test_a_conversation_that_does_not_exist_is_not_found(lead):
    assert lead.get(reverse("analytics:conversation", args=[uuid4()])).status_code == 404


def test_the_page_costs_the_same_however_long_it_is(lead, django_assert_max_num_queries):
    talk = conversation()
    says(talk, "Hello", "Negative")
    with django_assert_max_num_queries(12) as few:
        lead.get(address(talk))
    for _ in range(5):
        row = says(talk, "Hello", "Negative")
        labels.review(row, staff("reviewer", name=f"r{row.pk}"), "confirmed")
    with django_assert_max_num_queries(len(few) + 0):
        lead.get(address(talk))


def test_the_figures_of_the_mood_stand_beside_the_chart(lead):
    talk = conversation()
    for label in ("Negative", "Negative", "Negative", "Positive", "Positive", "Positive"):
        says(talk, f"{label} words", label)
    response = lead.get(address(talk))
    report = response.context["talk"].report
    assert report.trend == "Improving"
    assert (report.quarters[0], report.shift.end) == pytest.approx((-4.25, 4.25))
    assert report.with_agent is None
    page = response.content.decode()
    assert "Improving" in page
    assert "−4.2 → +4.2" in page
    assert "+8.5" in page


def test_the_strongest_moments_are_marked_and_lead_to_their_messages(lead):
    talk = conversation()
    for label, confidence in (("Neutral", 0.9), ("Negative", 0.95), ("Positive", 0.6)):
        says(talk, f"{label} words", label, confidence)
    response = lead.get(address(talk))
    points = response.context["talk"].report.chart()
    assert [point["strongest"] for point in points] == [False, True, True]
    page = response.content.decode()
    assert page.count('href="#message-3"') == 2  # the list of moments, and the table
    assert page.count('href="#message-1"') == 1


def test_the_chart_says_how_many_labels_people_corrected(lead):
    talk = conversation()
    row = says(talk, "It broke", "Negative")
    assert "corrected by people" not in lead.get(address(talk)).content.decode()
    labels.review(row, staff("reviewer"), "corrected", "Neutral")
    assert "1 label\n      corrected by people" in lead.get(address(talk)).content.decode()


def test_a_mood_read_alone_and_in_its_conversation_is_shown_both_ways(lead):
    talk = conversation()
    row = says(talk, "Great, again.", "Positive")
    strict = Task.objects.get(slug="sentiment-strict")
    version = strict.publish(
        prompt="How does the visitor feel?", labels=strict.current.labels, context="conversation"
    )
    Classification.objects.create(
        message=row.message,
        version=version,
        model_id=row.model_id,
        logprobs={},
        probabilities={"Positive": 0.1, "Negative": 0.9},
        label="Negative",
        confidence=0.9,
        latency_ms=1,
    )
    response = lead.get(address(talk))
    (point,) = response.context["talk"].report.chart()
    assert point["other"] == pytest.approx(-0.8)
    assert point["score"] > 0
    assert "Other context" in response.content.decode()
