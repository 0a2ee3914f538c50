"""The review queue: what waits in it, and what a decision changes."""

import pytest
from django.urls import reverse

from chat import bell
from chat.models import Conversation, MoodCount, Review
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db
QUEUE = reverse("admin:chat_classification_changelist")


@pytest.fixture
def reviewer(client):
    client.force_login(staff("reviewer"))
    return client


@pytest.fixture
def angry():
    """Anna's message, flagged: the model is 93 % sure that it is negative."""
    return says(conversation(name="Anna"), "You lost my parcel again!", "Negative", 0.93)


def waiting(response) -> list[str]:
    return [row.message.text for row in response.context["cl"].result_list]


def page(row) -> str:
    return reverse("admin:chat_classification_change", args=[row.pk])


def decide(client, row, **decision):
    address = reverse("admin:chat_classification_review", args=[row.pk])
    return client.post(address, decision, follow=True)


def counts() -> dict[str, int]:
    return dict(MoodCount.objects.filter(count__gt=0).values_list("label", "count"))


class TestTheQueue:
    def test_holds_flagged_messages_that_nobody_decided_on(self, reviewer, angry):
        says(conversation(), "Thanks!", "Positive")
        says(conversation(), "Hm, not good", "Negative", 0.55)  # under the threshold
        assert waiting(reviewer.get(QUEUE)) == ["You lost my parcel again!"]

    def test_shows_the_oldest_first(self, reviewer, angry):
        says(conversation(), "I wait for two days now", "Negative", days_ago=2)
        assert waiting(reviewer.get(QUEUE))[0] == "I wait for two days now"

    def test_lets_go_of_what_is_decided(self, reviewer, angry):
        decide(reviewer, angry, verdict="dismissed")
        assert waiting(reviewer.get(QUEUE)) == []
        assert waiting(reviewer.get(QUEUE, {"queue": "decided"})) == [angry.message.text]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"queue": "all"}, 2),
            ({"queue": "all", "label": "Positive"}, 1),
            ({"confidence": "90"}, 1),
            ({"confidence": "60"}, 0),
            ({"confidence": "nonsense"}, 1),
            ({"message__conversation__status__exact": "bot"}, 1),
            ({"message__conversation__language": "zh"}, 0),
            ({"q": "parcel"}, 1),
            ({"q": "zebra"}, 0),
        ],
    )
    def test_is_narrowed_by(self, reviewer, angry, query, found):
        says(conversation(), "Thanks!", "Positive")
        assert len(waiting(reviewer.get(QUEUE, query))) == found

    def test_costs_the_same_whatever_it_holds(self, reviewer, angry, django_assert_max_num_queries):
        with django_assert_max_num_queries(20) as few:
            reviewer.get(QUEUE)
        for _ in range(5):
            says(conversation(), "Shame on you", "Negative")
        with django_assert_max_num_queries(len(few)):
            reviewer.get(QUEUE)

    def test_hostile_text_stays_text(self, reviewer):
        row = says(conversation(name="<b>x</b>"), "<script>alert(1)</script>", "Negative")
        for address in (QUEUE, page(row)):
            assert "<script>alert(1)" not in reviewer.get(address).content.decode()


class TestAMessage:
    def test_stands_in_its_conversation_and_is_marked(self, reviewer, angry):
        says(angry.message.conversation, "Are you there?", "Neutral")
        shown = reviewer.get(page(angry)).content.decode()
        assert "Are you there?" in shown
        assert shown.count('aria-current="true"') == 1
        assert "93%" in shown

    def test_far_messages_are_left_to_the_whole_conversation(self, reviewer, angry):
        for _ in range(6):
            says(angry.message.conversation, "Hello?", "Neutral")
        shown = reviewer.get(page(angry)).context["surroundings"]
        assert (len(shown.lines), shown.earlier, shown.later) == (9, False, True)

    def test_agents_read_it_without_a_form(self, client, angry):
        client.force_login(staff("agent"))
        assert "Your decision" not in client.get(page(angry)).content.decode()

    def test_one_that_does_not_exist_leads_back(self, reviewer):
        gone = reverse("admin:chat_classification_change", args=[999])
        assert reviewer.get(gone).status_code == 302
        address = reverse("admin:chat_classification_review", args=[999])
        assert reviewer.post(address).status_code == 404


class TestADecision:
    def test_confirms_with_a_note(self, reviewer, angry):
        decide(reviewer, angry, verdict="confirmed", note="Third time this month")
        review = angry.reviews.get()
        assert (review.verdict, review.label) == ("confirmed", "Negative")
        assert (review.reviewer.username, review.note) == ("reviewer", "Third time this month")
        assert Conversation.objects.get().flagged == 0

    def test_corrects_the_message_the_mood_and_the_counts(self, reviewer, angry):
        assert counts() == {"Negative": 1}
        decide(reviewer, angry, verdict="corrected", label="Neutral")
        angry.message.refresh_from_db()
        assert (angry.message.label, angry.message.score) == ("Neutral", 0)
        assert Conversation.objects.get().mood_score == 0
        assert counts() == {"Neutral": 1}

    def test_needs_a_label_to_correct(self, reviewer, angry):
        response = decide(reviewer, angry, verdict="corrected")
        assert "A correction needs the right label" in response.content.decode()
        assert not Review.objects.exists()

    @pytest.mark.parametrize(
        "decision", [{}, {"verdict": "maybe"}, {"verdict": "corrected", "label": "Wow"}]
    )
    def test_that_makes_no_sense_is_not_taken(self, reviewer, angry, decision):
        assert decide(reviewer, angry, **decision).status_code == 200
        assert not Review.objects.exists()

    @pytest.mark.parametrize("verdict", ["confirmed", "dismissed"])
    def test_beside_a_chosen_label_is_not_taken_for_another(self, reviewer, angry, verdict):
        response = decide(reviewer, angry, verdict=verdict, label="Neutral", note="As I said")
        assert "A label is chosen" in response.content.decode()
        assert not Review.objects.exists()

    def test_may_be_followed_by_another_and_both_are_kept(self, reviewer, angry):
        decide(reviewer, angry, verdict="corrected", label="Neutral")
        decide(reviewer, angry, verdict="confirmed")
        assert angry.reviews.count() == 2
        assert angry.decided_label == "Negative"

    def test_rings_the_bell_after_the_commit(
        self, reviewer, angry, monkeypatch, django_capture_on_commit_callbacks
    ):
        rung = []

        async def ring(conversation_id):
            rung.append((conversation_id, Review.objects.model.__name__))

        monkeypatch.setattr(bell, "ring", ring)
        with django_capture_on_commit_callbacks(execute=True):
            decide(reviewer, angry, verdict="confirmed")
            assert rung == []
        assert [pk for pk, _ in rung] == [angry.message.conversation_id]

    def test_returns_to_the_queue_as_it_was_left(self, reviewer, angry):
        address = reverse("admin:chat_classification_review", args=[angry.pk])
        kept = "?_changelist_filters=q%3Dparcel"
        response = reviewer.post(address + kept, {"verdict": "confirmed"})
        assert response.url == f"{QUEUE}?q=parcel"


class TestSeveralAtOnce:
    @pytest.fixture
    def two(self, angry):
        return [angry, says(conversation(), "Shame on you", "Negative")]

    def act(self, client, action, rows):
        picked = [row.pk for row in rows]
        return client.post(QUEUE, {"action": action, "_selected_action": picked}, follow=True)

    @pytest.mark.parametrize(
        ("action", "verdict", "label"),
        [
            ("confirm", "confirmed", "Negative"),
            ("correct_Neutral", "corrected", "Neutral"),
            ("correct_Positive", "corrected", "Positive"),
            ("dismiss", "dismissed", "Negative"),
        ],
    )
    def test_are_decided(self, reviewer, two, action, verdict, label):
        response = self.act(reviewer, action, two)
        assert "2 decided" in response.content.decode()
        assert set(Review.objects.values_list("verdict", "label")) == {(verdict, label)}

    def test_but_not_by_agents(self, client, two):
        client.force_login(staff("agent"))
        self.act(client, "confirm", two)
        assert not Review.objects.exists()
