"""The list of conversations: what it shows, how it is narrowed, what it costs."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat import labels
from chat.conversations import set_status
from chat.models import Conversation
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db
URL = reverse("analytics:conversations")


@pytest.fixture
def desk(lead):
    """Anna is furious, Bo is happy, Chen asked something."""
    anna, bo, chen = (conversation(name=name) for name in ("Anna", "Bo", "Chen"))
    says(anna, "You lost my parcel again!", "Negative")
    says(bo, "Thank you, wonderful!", "Positive")
    says(chen, "营业时间是几点？", "Neutral")
    return anna, bo, chen


def names(response) -> list[str]:
    return [row.title for row in response.context["page"].object_list]


def test_an_empty_desk_says_so(lead):
    assert "No conversations yet" in lead.get(URL).content.decode()


def test_a_conversation_in_which_nobody_wrote_is_left_out(lead):
    conversation(name="Silent")
    assert names(lead.get(URL)) == []


@pytest.mark.usefixtures("desk")
class TestTheList:
    def test_newest_first(self, lead):
        assert names(lead.get(URL)) == ["Chen", "Bo", "Anna"]

    def test_or_worst_first(self, lead):
        assert names(lead.get(URL, {"order": "worst"})) == ["Anna", "Chen", "Bo"]

    def test_each_row_shows_its_mood_in_words_and_as_a_line(self, lead):
        page = lead.get(URL).content.decode()
        assert "Negative" in page
        assert 'aria-label="Mood over 1 message: very negative"' in page
        assert "1 open" in page

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "parcel"}, ["Anna"]),
            ({"q": "营业时间"}, ["Chen"]),
            ({"q": "bo"}, ["Bo"]),
            ({"q": "100%"}, []),
            ({"q": "-"}, []),
            ({"q": "Visitor --"}, []),
            ({"band": "negative"}, ["Anna"]),
            ({"band": "positive"}, ["Bo"]),
            ({"band": "none"}, []),
            ({"label": "Neutral"}, ["Chen"]),
            ({"flagged": "on"}, ["Anna"]),
            ({"status": "closed"}, []),
            ({"band": "positive", "flagged": "on"}, []),
        ],
    )
    def test_is_narrowed_by(self, lead, query, found):
        assert names(lead.get(URL, query)) == found

    def test_by_status(self, lead):
        set_status(Conversation.objects.get(name="Bo").pk, "waiting")
        assert names(lead.get(URL, {"status": "waiting"})) == ["Bo"]

    def test_by_the_beginning_of_its_number(self, lead):
        chen = Conversation.objects.get(name="Chen")
        assert "Chen" in names(lead.get(URL, {"q": str(chen.pk)[:8]}))
        assert names(lead.get(URL, {"q": str(chen.pk)})) == ["Chen"]

    def test_nothing_found_says_so_and_offers_the_whole_list(self, lead):
        assert "Nothing matches" in lead.get(URL, {"q": "zebra"}).content.decode()

    def test_the_summary_counts_what_the_list_holds(self, lead):
        summary = lead.get(URL).context["summary"]
        assert (summary.conversations, summary.messages) == (3, 6)
        assert (summary.negative, summary.labelled, summary.open_flags) == (1, 3, 1)
        assert lead.get(URL, {"q": "bo"}).context["summary"].negative_percent == 0


def test_days_are_counted_whole_and_where_the_desk_is(lead, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    talk = conversation(name="Late")
    says(talk, "Hello", "Neutral")
    at = timezone.datetime.fromisoformat("2026-03-28T23:30:00+00:00")  # 00:30 on the 29th there
    Conversation.objects.filter(pk=talk.pk).update(last_message_at=at)
    with timezone.override("Europe/Berlin"):
        assert names(lead.get(URL, {"since": "2026-03-29", "until": "2026-03-29"})) == ["Late"]
        assert names(lead.get(URL, {"until": "2026-03-28"})) == []


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-02-31"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"since": "2026-05-02", "until": "2026-05-01"},
        {"status": "nonsense"},
        {"q": "x" * 500},
        {"q": "\0"},
        {"page": "minus one"},
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_senseless_question_is_answered_with_what_makes_sense(lead, query):
    assert lead.get(URL, query).status_code == 200


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"has": "no-label"}, "Has the label: Enter a valid value."),
        ({"task": "no slug!"}, "Has a label of: Enter a valid “slug”"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_wrong_label_of_a_link_is_complained_about_and_not_carried_on(lead, query, error):
    response = lead.get(URL, query)
    page = response.content.decode()
    assert error in page
    assert [name for name in query if f'name="{name}"' in page] == []
    assert len(names(response)) == 3


def test_a_label_of_a_link_is_shown_and_carried_on(lead):
    page = lead.get(URL, {"has": "topic:Order"}).content.decode()
    assert "Has the label: <strong" in page
    assert '<input type="hidden" name="has" value="topic:Order"' in page


def test_hostile_text_stays_text(lead):
    says(conversation(name="<script>alert(1)</script>"), "<img src=x onerror=alert(2)>", "Neutral")
    page = lead.get(URL).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def queries_of(client, connection) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        client.get(URL)
    return len(caught)


def test_the_page_costs_the_same_whatever_it_holds(lead, django_assert_max_num_queries):
    says(conversation(), "Hello", "Neutral")
    call_command("count_conversations")  # else the page does, which costs some more
    with django_assert_max_num_queries(14) as few:
        lead.get(URL)
    for _ in range(6):
        talk = conversation()
        for text in ("Hello", "This is bad", "Thanks"):
            says(talk, text, "Negative")
    call_command("count_conversations")
    with django_assert_max_num_queries(len(few)):
        lead.get(URL)


def test_long_lists_come_in_pages(lead):
    talk = conversation()
    says(talk, "Hello", "Neutral")
    now = timezone.now()
    Conversation.objects.bulk_create(
        Conversation(message_count=1, last_message_at=now - timedelta(hours=i)) for i in range(30)
    )
    assert len(names(lead.get(URL))) == 25
    assert len(names(lead.get(URL, {"page": 2}))) == 6
    assert "page=2" in lead.get(URL, {"status": "bot"}).content.decode()


def test_totals_that_are_behind_say_so_and_the_list_is_counted_as_it_is(lead, monkeypatch):
    monkeypatch.setattr("analytics.rollup.BATCH", 3)
    for _ in range(5):
        says(conversation(), "Hello", "Neutral")
    first = lead.get(URL)
    assert (first.context["summary"].conversations, first.context["summary"].messages) == (5, 6)
    assert "2 conversations changed" in first.content.decode()
    second = lead.get(URL)
    assert second.context["summary"].messages == 10
    assert "conversations changed" not in second.content.decode()


def test_corrected_labels_count_in_the_summary(lead, desk):
    flagged = desk[0].messages.first().classifications.get()
    labels.review(flagged, staff("reviewer"), "corrected", "Neutral")
    summary = lead.get(URL).context["summary"]
    assert (summary.negative, summary.open_flags) == (0, 0)
