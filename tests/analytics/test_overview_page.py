"""The overview: its figures against hand-made data, its filters, what it costs."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import labels, messages
from chat.conversations import assign, set_status
from chat.models import Conversation, User
from chat.models.message import State
from tests.analytics.overview import URL, by_name, followed, shown, task_label
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk():
    """Anna stays furious, Bo is won back, Chen asked something; all of it today."""
    anna, bo, chen = (conversation(name=name) for name in ("Anna", "Bo", "Chen"))
    says(anna, "Hello", "Neutral")
    says(anna, "You lost my parcel again!", "Negative")
    says(bo, "This is a scandal", "Negative")
    says(bo, "Thank you, wonderful!", "Positive")
    says(chen, "营业时间是几点？", "Neutral")
    return anna, bo, chen


def test_an_empty_desk_says_so(lead):
    page = lead.get(URL).content.decode()
    assert "No messages in the last 30 days" in page
    assert "Nobody: no conversation" in page


@pytest.mark.usefixtures("desk")
class TestTheFigures:
    def test_add_up(self, lead):
        total = shown(lead).total
        assert (total.conversations, total.messages) == (3, 10)
        assert (total.negative, total.neutral, total.positive) == (2, 2, 1)
        assert total.negative_share == pytest.approx(0.4)

    def test_tell_recovered_from_lost_conversations(self, lead):
        total = shown(lead).total
        assert (total.recovered, total.lost) == (1, 1)
        assert total.recovered_share == 0.5

    def test_open_the_list_behind_them(self, lead):
        context = lead.get(URL).context
        assert followed(lead, context["overview"].total.address) == ["Anna", "Bo", "Chen"]
        assert followed(lead, context["recovered_address"]) == ["Bo"]
        assert followed(lead, context["lost_address"]) == ["Anna"]

    def test_every_period_opens_its_own_list(self, lead):
        (today,) = by_name(shown(lead)).values()
        assert followed(lead, today.address) == ["Anna", "Bo", "Chen"]
        before = shown(lead).periods[0]
        assert followed(lead, before.address) == []

    def test_follow_a_correction(self, lead, desk):
        shown(lead)
        furious = desk[0].messages.get(seq=3).classifications.get()
        labels.review(furious, staff("reviewer"), "corrected", "Neutral")
        total = shown(lead).total
        assert (total.negative, total.lost) == (1, 0)

    def test_follow_a_deleted_conversation(self, lead, desk):
        shown(lead)
        desk[0].delete()
        assert shown(lead).total.conversations == 2

    def test_worst_trouble_comes_first_and_the_rest_is_left_out(self, lead, desk):
        set_status(desk[1].pk, "closed")
        context = lead.get(URL).context
        assert [row.title for row in context["trouble"]] == ["Anna"]
        assert followed(lead, context["trouble_address"]) == ["Anna"]

    def test_trouble_shows_the_visitor_s_worst_words(self, lead, desk):
        says(desk[0], "Well.", "Neutral")
        (anna, *_) = lead.get(URL).context["trouble"]
        assert anna.preview == "You lost my parcel again!"

    def test_stand_beside_those_of_as_many_days_before(self, lead, desk):
        says(conversation(), "Shame on you", "Negative", days_ago=30)
        says(conversation(), "Hello", "Neutral", days_ago=60)
        response = lead.get(URL)
        before = response.context["overview"].before
        assert (before.negative, before.neutral, before.negative_share) == (1, 0, 1.0)
        assert "100% before" in response.content.decode()

    def test_common_ranges_are_a_click_away_and_keep_the_filter(self, lead):
        Conversation.objects.update(language="en")
        page = lead.get(URL, {"language": "en"})
        ranges = {each.name: each for each in page.context["form"].ranges()}
        assert [each.name for each in ranges.values() if each.current] == ["30 days"]
        today = lead.get(f"{URL}{ranges['Today'].address}")
        asked = today.context["form"].cleaned_data
        assert (asked["since"], asked["until"], asked["language"]) == (
            timezone.localdate(),
            timezone.localdate(),
            "en",
        )

    def test_closed_conversations_are_out_of_trouble(self, lead, desk):
        for talk in desk:
            set_status(talk.pk, "closed")
        assert lead.get(URL).context["in_trouble"] == 0

    def test_a_visitor_who_waits_for_a_person_is_in_trouble(self, lead, desk):
        set_status(desk[2].pk, "waiting")
        assert "Chen" in [row.title for row in lead.get(URL).context["trouble"]]


def test_waits_are_medians(lead):
    talk = conversation()
    for first_token_ms in (100, 200, 900):
        received = messages.receive(talk.pk, f"c{first_token_ms}", "Hello")
        messages.finish(received.reply, State.DONE, "Hi", first_token_ms=first_token_ms)
    says(talk, "Hello", "Neutral")
    waits = shown(lead).waits
    assert (waits.first_token_ms, waits.label_ms) == (200, 1.0)
    assert "200 ms" in lead.get(URL).content.decode()


def test_the_wait_for_a_first_word_begins_with_the_message_and_not_with_its_labels(lead):
    received = messages.receive(conversation().pk, "c1", "Hello")
    told = {"first_token_ms": 200, "label_wait_ms": 150}
    messages.finish(received.reply, State.DONE, "Hi", **told)
    assert shown(lead).waits.first_token_ms == 350


@pytest.mark.usefixtures("desk")
class TestAListBehindABar:
    """It holds the conversations whose last message was then, and is cut by whole days."""

    @pytest.mark.parametrize(("by", "when"), [("day", "on that day"), ("week", "in that week")])
    def test_is_announced_as_what_it_is(self, lead, by, when):
        page = " ".join(lead.get(URL, {"by": by}).content.decode().split())
        assert f"Choose a bar to open the conversations whose last message was {when}." in page

    def test_is_not_offered_by_the_hour(self, lead):
        response = lead.get(URL, {"since": timezone.localdate(), "by": "hour"})
        overview, page = response.context["overview"], response.content.decode()
        assert {each.address for each in overview.periods} == {""}
        assert f'<th scope="row">{overview.periods[0].name}</th>' in page
        assert "Choose a bar" not in page


def test_topics_are_shown_once_there_are_some(lead, desk):
    assert shown(lead).tasks == ()
    for seq, label in ((1, "Order"), (3, "Delivery")):
        task_label(desk[0].messages.get(seq=seq), "topic", label)
    task_label(desk[2].messages.get(seq=1), "topic", "Delivery")
    (topics,) = shown(lead).tasks
    assert [(each.label, each.count) for each in topics.labels] == [("Delivery", 2), ("Order", 1)]
    assert topics.labels[0].share == pytest.approx(2 / 3)
    assert [each.negative_share for each in topics.labels] == [0.5, 0.0]
    assert followed(lead, topics.labels[0].address) == ["Anna", "Chen"]
    assert followed(lead, topics.labels[1].address) == ["Anna"]


class TestIsNarrowed:
    @pytest.fixture(autouse=True)
    def cast(self, desk):
        anna, bo, chen = desk
        set_status(bo.pk, "closed")
        assign(anna.pk, staff("agent", "ana"))
        with Conversation.objects.changing(chen.pk) as changed:
            changed.language = "zh"
        task_label(chen.messages.get(seq=1), "topic", "Other")

    @pytest.mark.parametrize(
        ("query", "conversations", "messages"),
        [
            ({"status": "closed"}, 1, 4),
            ({"language": "zh"}, 1, 2),
            ({"assignee": "nobody"}, 2, 6),
            ({"task": "topic"}, 1, 2),
            ({"has": "topic:Other"}, 1, 2),
            ({"has": "topic:Order"}, 0, 0),
            ({"has": "sentiment:Negative"}, 2, 8),
            ({"has": "sentiment:Negative", "status": "closed"}, 1, 4),
            ({"until": "2001-01-01"}, 0, 0),
        ],
    )
    def test_and_so_is_the_list_behind(self, lead, query, conversations, messages):
        total = shown(lead, **query).total
        assert (total.conversations, total.messages) == (conversations, messages)
        assert len(followed(lead, total.address)) == conversations

    def test_by_assignee(self, lead):
        total = shown(lead, assignee=User.objects.get(username="ana").pk).total
        assert total.conversations == 1
        assert followed(lead, total.address) == ["Anna"]

    def test_trouble_too(self, lead):
        assert lead.get(URL, {"assignee": "nobody"}).context["in_trouble"] == 0


def test_without_a_range_it_shows_30_days_up_to_today(lead):
    overview = shown(lead)
    assert len(overview.periods) == 30
    assert overview.periods[-1].name == timezone.localdate().isoformat()


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"since": "2026-02-31"}, "Enter a valid date"),
        ({"since": "0001-01-01"}, "Give a year from 2000 to 9998"),
        ({"until": "9999-12-31"}, "Give a year from 2000 to 9998"),
        ({"since": "2026-05-02", "until": "2026-05-01"}, "This day lies before the first one"),
        ({"since": "2026-01-01", "until": "2026-02-01", "by": "hour"}, "ask for 14 days at most"),
        ({"since": "2000-01-01"}, "By week, ask for 1830 days at most"),
        ({"status": "nonsense"}, "Select a valid choice"),
        ({"has": "topic"}, "Select a valid choice"),
        ({"assignee": "<script>"}, "Select a valid choice"),
    ],
)
def test_an_impossible_question_gets_a_clear_answer_and_no_figures(lead, query, error):
    response = lead.get(URL, query)
    assert error in response.content.decode()
    assert "overview" not in response.context


def test_hostile_text_stays_text(lead):
    evil = "</script><script>alert(1)</script>"
    talk = conversation(name=evil, language="<b>x")
    says(talk, evil, "Negative")
    page = lead.get(URL).content.decode()
    assert "<script>alert" not in page
    assert "<b>x" not in page


def queries_of(client, **query) -> int:
    """Of a page that finds everything counted; what it counts first is bounded by a batch."""
    call_command("count_conversations")
    with CaptureQueriesContext(connection) as caught:
        assert client.get(URL, query).status_code == 200
    return len(caught)


def test_it_costs_the_same_whatever_it_holds(lead):
    call_command("seed_bulk", conversations=10, messages=60)
    few = queries_of(lead)
    call_command("seed_bulk", conversations=190, messages=600, seed=1, yes=True)
    assert queries_of(lead) == few <= 20
    assert queries_of(lead, by="week", task="topic") <= few


def test_what_a_page_has_no_time_to_count_is_announced_and_counted_later(lead, monkeypatch):
    monkeypatch.setattr("analytics.rollup.BATCH", 3)
    for _ in range(4):
        says(conversation(), "Hello", "Neutral")
    first = lead.get(URL)
    assert first.context["overview"].total.conversations == 3
    assert "1 conversation changed" in first.content.decode()
    second = lead.get(URL)
    assert second.context["overview"].total.conversations == 4
    assert "conversation changed" not in second.content.decode()
