"""Alerts from the stored label to the person who sees to it."""

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from chat import alerting, bell, labels, messages
from chat.alert_preview import preview
from chat.models import Alert, AlertRule, Message
from inference.models import Task
from tests.chat.desk import conversation, reads, says, staff

pytestmark = pytest.mark.django_db
LIST = reverse("admin:chat_alert_changelist")
PREVIEW = reverse("admin:chat_alertrule_preview")


@pytest.fixture
def only():
    """`only(kind, **fields)`: one rule, and no other."""
    AlertRule.objects.all().delete()

    def make(kind: str, **fields) -> AlertRule:
        return AlertRule.objects.create(name=f"Rule {kind}", kind=kind, **fields)

    return make


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


def raised() -> list[tuple[str, int]]:
    rows = Alert.objects.order_by("pk").select_related("message")
    return [(alert.reason, alert.message.seq) for alert in rows]


def test_a_fresh_desk_has_a_rule_of_each_kind():
    assert [rule.kind for rule in AlertRule.objects.enabled()] == ["message", "repeated", "shift"]


class TestALabel:
    def test_over_the_threshold_raises_an_alert(self, only):
        only("message", threshold=0.9)
        talk = conversation()
        says(talk, "Hello", "Neutral", 0.99)
        says(talk, "Bad", "Negative", 0.8)
        says(talk, "Awful!", "Negative", 0.95)
        assert raised() == [("95% negative", 5)]

    def test_that_makes_it_k_of_the_last_n_raises_one(self, only):
        only("repeated", k=2, n=3)
        talk = conversation()
        for label in ("Negative", "Positive", "Negative", "Negative"):
            says(talk, label, label)
        assert raised() == [("2 of the last 3 messages are negative", 5)]

    def test_that_turns_the_mood_raises_one(self, only):
        only("shift")
        talk = conversation()
        for label in ("Positive",) * 3 + ("Negative",) * 3:
            says(talk, label, label)
        assert raised() == [("The mood has fallen by 86 points", 11)]

    def test_is_alerted_about_once_a_rule(self, only):
        only("message")
        row = says(conversation(), "Awful!", "Negative", 0.95)
        talk = row.message.conversation
        assert alerting.raise_alerts(talk, row.message, {"Negative": -1}) == []
        assert Alert.objects.count() == 1

    def test_raises_nothing_by_a_rule_that_is_switched_off(self, only):
        only("message", enabled=False)
        says(conversation(), "Awful!", "Negative", 0.95)
        assert raised() == []

    def test_of_another_polarity_raises_nothing(self, only):
        only("message")
        says(conversation(), "Wonderful!", "Positive", 0.99)
        assert raised() == []


def unread(talk) -> Message:
    """A visitor's message whose label is still to come."""
    return messages.receive(talk.pk, uuid4().hex, "Hm").visitor


def labelled(message: Message, label: str) -> None:
    reads(message, Task.objects.get(slug=labels.MOOD_TASK).current, label)


class TestWhatBecomesTrueLater:
    """Three of the last five, by a correction or by a label that comes after later ones."""

    THREE = "3 of the last 5 messages are negative"

    @pytest.fixture
    def rule(self, only):
        return only("repeated", k=3, n=5)

    @pytest.fixture
    def talk(self):
        return conversation()

    @pytest.fixture
    def correct(self):
        ben = staff("reviewer")
        return lambda row, label: labels.review(row, ben, "corrected", label)

    def test_by_a_correction_is_told_at_the_newest_message(self, rule, talk, correct):
        _, neutral, _ = (says(talk, "Hm", each) for each in ("Negative", "Neutral", "Negative"))
        correct(neutral, "Negative")
        assert raised() == [(self.THREE, 5)]

    def test_by_a_label_that_comes_late_is_told_at_the_newest_message(self, rule, talk):
        first, second, third = (unread(talk) for _ in range(3))
        for message in (second, third, first):
            labelled(message, "Negative")
        assert raised() == [(self.THREE, third.seq)]
        assert preview(rule).alerts == 1

    def test_is_told_once_while_it_stays_so(self, rule, talk, correct):
        _, neutral, _ = (says(talk, "Hm", each) for each in ("Negative", "Neutral", "Negative"))
        correct(neutral, "Negative")
        correct(says(talk, "Hm", "Neutral"), "Negative")
        says(talk, "Hm", "Negative")
        assert raised() == [(self.THREE, 5)]
        assert preview(rule).alerts == 1

    def test_is_not_told_again_by_a_correction_to_the_better(self, rule, talk, correct):
        first, *_ = [says(talk, "Hm", "Negative") for _ in range(4)]
        correct(first, "Positive")  # by now it holds from the fourth message on
        says(talk, "Hm", "Negative")
        assert raised() == [(self.THREE, 5)]

    def test_is_told_again_once_a_correction_has_ended_it(self, rule, talk, correct):
        first, *_ = [says(talk, "Hm", "Negative") for _ in range(3)]
        correct(first, "Positive")
        assert raised() == [(self.THREE, 5)]
        says(talk, "Hm", "Negative")
        assert raised() == [(self.THREE, 5), (self.THREE, 7)]

    def test_is_told_where_the_rule_is_younger_than_the_trouble(self, rule, talk):
        AlertRule.objects.update(enabled=False)
        for _ in range(3):
            says(talk, "Hm", "Negative")
        AlertRule.objects.update(enabled=True)
        says(talk, "Hm", "Negative")
        says(talk, "Hm", "Negative")
        assert raised() == [(self.THREE, 7)]

    def test_is_told_while_the_visitor_is_there_however_old_the_corrected_message(
        self, rule, talk, correct
    ):
        old = says(talk, "Hm", "Neutral", days_ago=1)
        for _ in range(2):
            says(talk, "Hm", "Negative")
        correct(old, "Negative")
        assert raised() == [(self.THREE, 5)]

    def test_is_not_told_once_the_visitor_has_left(self, rule, talk, correct):
        rows = [says(talk, "Hm", each, days_ago=1) for each in ("Neutral", "Negative", "Negative")]
        correct(rows[0], "Negative")
        assert raised() == []

    def test_is_not_told_by_a_decision_that_changes_nothing(self, only, talk):
        only("message", enabled=False)
        row = says(talk, "Awful!", "Negative", 0.95)
        AlertRule.objects.update(enabled=True)
        labels.review(row, staff("reviewer"), "confirmed")
        assert raised() == []

    def test_of_one_message_is_told_at_this_message(self, only, talk, correct):
        only("message")
        row = says(talk, "Well done.", "Positive", 0.95)
        says(talk, "Hello?", "Neutral")
        correct(row, "Negative")
        assert raised() == [("100% negative", 1)]
        assert preview(AlertRule.objects.get()).alerts == 1

    def test_of_a_turn_is_told_too(self, only, talk, correct):
        only("shift")
        moods = ("Positive",) * 3 + ("Neutral",) + ("Negative",) * 2
        rows = [says(talk, "Hm", each) for each in ("Neutral",) * 6]
        for row, label in zip(rows, moods, strict=True):
            if label != "Neutral":
                correct(row, label)
        assert len(raised()) == 1
        assert raised()[0][1] == 11


class TestStaffHear:
    @pytest.fixture
    def rung(self, monkeypatch):
        rings = []

        async def raised(conversation_id, alert_id):
            rings.append(alert_id)

        monkeypatch.setattr(bell, "raised", raised)
        return rings

    def test_of_an_alert_after_the_commit(self, only, rung, django_capture_on_commit_callbacks):
        only("message")
        with django_capture_on_commit_callbacks(execute=True):
            says(conversation(), "Awful!", "Negative", 0.95)
            assert rung == []
        assert rung == [Alert.objects.get().pk]

    def test_nothing_of_messages_said_long_ago(
        self, only, rung, django_capture_on_commit_callbacks
    ):
        only("message")
        with django_capture_on_commit_callbacks(execute=True):
            says(conversation(), "Awful!", "Negative", 0.95, days_ago=2)
        assert rung == []
        assert not Alert.objects.exists()


class TestARule:
    @pytest.mark.parametrize(
        ("fields", "name"),
        [
            ({"threshold": 1.1}, "threshold"),
            ({"threshold": -0.1}, "threshold"),
            ({"k": 6, "n": 5}, "k"),
            ({"k": 0}, "k"),
            ({"n": 51}, "n"),
            ({"points": 19}, "points"),
            ({"points": 101}, "points"),
            ({"kind": "whim"}, "kind"),
        ],
    )
    def test_that_makes_no_sense_is_refused_by_its_field(self, fields, name):
        rule = AlertRule(**{"name": "Odd", "kind": "message", **fields})
        with pytest.raises(ValidationError) as refused:
            rule.full_clean()
        assert name in refused.value.message_dict

    def test_is_made_by_leads_in_the_admin(self, lead):
        fields = {"name": "Strict", "kind": "message", "threshold": "0.5", "k": 3, "n": 5}
        lead.post(reverse("admin:chat_alertrule_add"), {**fields, "points": 20, "enabled": "on"})
        assert AlertRule.objects.get(name="Strict").threshold == 0.5


class TestAPreview:
    def test_counts_what_the_rule_would_have_raised(self, only):
        rule = only("message", enabled=False)
        for days in (1, 29, 40):
            says(conversation(), "Awful!", "Negative", 0.95, days_ago=days)
        says(conversation(), "Thanks!", "Positive")
        found = preview(rule)
        assert (found.alerts, found.conversations, found.of) == (2, 2, 3)
        assert [each.reason for each in found.latest] == ["95% negative"] * 2
        assert found.latest[0].message.created > found.latest[1].message.created

    def test_looks_back_further_than_its_days_for_what_led_to_them(self, only):
        rule = only("repeated", enabled=False, k=2, n=2)
        talk = conversation()
        says(talk, "Bad", "Negative", days_ago=40)
        says(talk, "Still bad", "Negative", days_ago=1)
        assert preview(rule).alerts == 1

    def test_goes_by_the_labels_that_count_now(self, only):
        rule = only("message", enabled=False)
        row = says(conversation(), "Well done.", "Negative", 0.95)
        labels.review(row, staff("reviewer"), "corrected", "Positive")
        assert preview(rule).alerts == 0

    def test_agrees_with_what_was_raised(self, only):
        rules = [only("message"), only("repeated", k=2, n=4), only("shift")]
        talk = conversation()
        for label in ("Positive", "Positive", "Negative", "Neutral", "Negative", "Negative"):
            says(talk, label, label, 0.92)
        for rule in rules:
            assert preview(rule).alerts == rule.alerts.count()

    def test_costs_the_same_whatever_it_reads(self, only, django_assert_num_queries):
        rule = only("message", enabled=False)
        for _ in range(4):
            says(conversation(), "Awful!", "Negative", 0.95)
        with django_assert_num_queries(2):
            preview(rule)

    def test_shows_a_rule_as_it_stands_in_the_form(self, lead, only):
        only("message", threshold=0.99)
        says(conversation(), "<b>Awful!</b>", "Negative", 0.95)
        fields = {"name": "Rule message", "kind": "message", "threshold": "0.9"}
        response = lead.post(PREVIEW, {**fields, "k": 3, "n": 5, "points": 20})
        page = response.content.decode()
        assert "1 alert in 30 days" in page
        assert "<b>Awful" not in page
        assert AlertRule.objects.get().threshold == 0.99

    def test_says_what_is_wrong_with_the_form(self, lead):
        response = lead.post(PREVIEW, {"kind": "repeated", "k": 6, "n": 5, "threshold": "nan"})
        page = response.content.decode()
        assert "There are only 5 messages" in page
        assert "Threshold: Enter a number" in page

    def test_is_for_who_may_write_rules(self, client):
        client.force_login(staff("agent"))
        assert client.post(PREVIEW, {}).status_code == 403


class TestTheList:
    @pytest.fixture
    def alert(self, only):
        only("message")
        says(conversation(name="Anna"), "<i>Awful!</i>", "Negative", 0.95)
        return Alert.objects.get()

    def listed(self, client, **query) -> list[Alert]:
        return list(client.get(LIST, query).context["cl"].result_list)

    def test_shows_open_alerts_and_where_they_come_from(self, lead, alert):
        page = lead.get(LIST).content.decode()
        assert "95% negative" in page
        assert "<i>Awful" not in page
        there = reverse("analytics:conversation", args=[alert.conversation_id])
        assert f"{there}#message-{alert.message.seq}" in page

    @pytest.mark.parametrize("role", ["agent", "reviewer", "lead"])
    def test_everybody_at_the_desk_sees_to_them(self, client, alert, role):
        person = staff(role)
        client.force_login(person)
        client.post(LIST, {"action": "see", "_selected_action": [alert.pk]})
        alert.refresh_from_db()
        assert alert.seen_by == person
        assert self.listed(client) == []
        assert self.listed(client, alerts="seen") == [alert]

    def test_who_saw_first_stays(self, alert):
        first, second = staff("agent"), staff("lead")
        assert alerting.see(Alert.objects.all(), first) == 1
        assert alerting.see(Alert.objects.all(), second) == 0
        alert.refresh_from_db()
        assert alert.seen_by == first
