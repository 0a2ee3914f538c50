"""Working through the queue: who is to decide, and what comes next."""

import pytest
from django.urls import reverse

from chat.models import Classification
from tests.chat.desk import conversation, says, staff

pytestmark = pytest.mark.django_db
QUEUE = reverse("admin:chat_classification_changelist")


@pytest.fixture
def ana(client):
    ana = staff("reviewer", "ana")
    client.force_login(ana)
    return ana


@pytest.fixture
def three():
    """Waiting messages, the oldest first."""
    return [
        says(conversation(name=name), f"{name} is angry", "Negative", days_ago=days)
        for name, days in (("Anna", 3), ("Bo", 2), ("Chen", 1))
    ]


def page(row, kept: str = "") -> str:
    address = reverse("admin:chat_classification_change", args=[row.pk])
    return f"{address}?_changelist_filters={kept}" if kept else address


def waiting(client, **query) -> list[Classification]:
    return list(client.get(QUEUE, query).context["cl"].result_list)


class TestAssignment:
    def assign(self, client, row, person):
        address = reverse("admin:chat_classification_assign", args=[row.pk])
        return client.post(address, {"assignee": person.pk if person else ""}, follow=True)

    def test_gives_a_message_to_a_reviewer_and_back(self, client, ana, three):
        ben = staff("reviewer", "ben")
        self.assign(client, three[0], ben)
        assert Classification.objects.get(pk=three[0].pk).assignee == ben
        self.assign(client, three[0], None)
        assert Classification.objects.get(pk=three[0].pk).assignee is None

    @pytest.mark.parametrize("role", ["agent", None])
    def test_is_for_people_who_may_decide(self, client, ana, three, role):
        response = self.assign(client, three[0], staff(role))
        assert "may not decide" in response.content.decode()
        assert Classification.objects.get(pk=three[0].pk).assignee is None

    def test_is_done_by_people_who_may_decide(self, client, three):
        client.force_login(staff("agent"))
        assert self.assign(client, three[0], None).status_code == 403

    def test_of_several_at_once(self, client, ana, three):
        picked = {"action": "assign_to_me", "_selected_action": [row.pk for row in three[:2]]}
        assert "2 assigned to you" in client.post(QUEUE, picked, follow=True).content.decode()
        assert waiting(client, assigned="me") == three[:2]
        client.post(QUEUE, {**picked, "action": "unassign"})
        assert waiting(client, assigned="me") == []

    @pytest.mark.parametrize(
        ("whose", "found"), [("me", [0]), ("others", [1]), ("nobody", [2]), ("nonsense", [0, 1, 2])]
    )
    def test_narrows_the_queue(self, client, ana, three, whose, found):
        self.assign(client, three[0], ana)
        self.assign(client, three[1], staff("lead", "lea"))
        assert waiting(client, assigned=whose) == [three[i] for i in found]


class TestTheNextMessage:
    def test_is_the_next_oldest_and_then_the_first_again(self, client, ana, three):
        following = [client.get(page(row)).context["next_address"] for row in three]
        assert following == [page(three[1]), page(three[2]), page(three[0])]

    def test_keeps_to_the_filters_of_the_list(self, client, ana, three):
        response = client.get(page(three[0], "q%3DChen"))
        assert response.context["next_address"] == page(three[2], "q%3DChen")

    @pytest.mark.parametrize("kept", ["p%3Dx%26created__gte%3Dnever", "nonsense__x%3D1", "%00"])
    def test_comes_whatever_somebody_wrote_into_the_address(self, client, ana, three, kept):
        assert client.get(page(three[0], kept)).status_code == 200

    def test_is_none_when_nothing_else_waits(self, client, ana, three):
        Classification.objects.exclude(pk=three[0].pk).delete()
        assert client.get(page(three[0])).context["next_address"] is None

    def test_follows_a_decision_by_key(self, client, ana, three):
        address = reverse("admin:chat_classification_review", args=[three[0].pk])
        response = client.post(address, {"verdict": "confirmed", "then": "next"})
        assert response.url == page(three[1])
        for row in three[1:]:
            row.reviews.create(reviewer=ana, verdict="confirmed", label="Negative")
        response = client.post(address, {"verdict": "confirmed", "then": "next"})
        assert response.url == QUEUE


def test_the_page_says_what_each_key_does(client, ana, three):
    said = " ".join(client.get(page(three[0])).content.decode().split())
    assert "<kbd>c</kbd> confirm" in said
    assert "<kbd>1</kbd> correct to Positive" in said
    assert "<kbd>n</kbd> next" in said
