"""Tokens of the read API: made in the admin, shown once, worth no more than their owner."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from chat import tokens
from chat.models import ApiToken
from tests.chat.desk import staff

pytestmark = pytest.mark.django_db
ADD = reverse("admin:chat_apitoken_add")
LIST = reverse("admin:chat_apitoken_changelist")


@pytest.fixture
def lead(client):
    client.force_login(staff("lead"))
    return client


@pytest.fixture
def issued():
    """A token of Lea's, and its text."""
    return tokens.issue(staff("lead", "Lea"), "Weekly report", ["messages"])


def test_the_database_holds_no_token_only_its_digest(issued):
    row, text = issued
    kept = ApiToken.objects.filter(pk=row.pk).values().get()
    assert text not in str(kept)
    assert tokens.find(text) == row


@pytest.mark.parametrize("shown", ["", "desk_", "desk_wrong", "\udcff", "ü" * 300])
def test_a_wrong_token_finds_nothing(issued, shown):
    assert tokens.find(shown) is None


def test_a_revoked_token_stops_working_and_stays_revoked(issued):
    _, text = issued
    assert tokens.revoke(ApiToken.objects.all()) == 1
    assert tokens.find(text) is None
    assert tokens.revoke(ApiToken.objects.all()) == 0


@pytest.mark.parametrize(("hours", "works"), [(-1, False), (1, True)])
def test_a_token_works_until_it_expires(hours, works):
    expires = timezone.now() + timedelta(hours=hours)
    _, text = tokens.issue(staff("lead"), "Short", ["messages"], expires)
    assert bool(tokens.find(text)) == works


@pytest.mark.parametrize("loss", [{"is_active": False}, {"is_staff": False}])
def test_a_token_ends_with_its_owner(issued, loss):
    row, text = issued
    type(row.owner).objects.filter(pk=row.owner.pk).update(**loss)
    assert tokens.find(text) is None


def test_a_token_reads_no_more_than_its_owner_may(issued):
    row, text = issued
    assert tokens.find(text).may_read("messages")
    assert not tokens.find(text).may_read("reviews")
    row.owner.groups.clear()
    assert not tokens.find(text).may_read("messages")


def test_its_last_use_is_noted(issued):
    row, text = issued
    tokens.find(text)
    row.refresh_from_db()
    assert row.last_used is not None


def test_unknown_rights_are_refused_by_name():
    with pytest.raises(ValidationError, match="rights"):
        tokens.issue(staff("lead"), "Greedy", ["passwords"])


class TestTheAdmin:
    def test_shows_a_new_token_once(self, lead):
        response = lead.post(ADD, {"name": "Report", "rights": ["reviews"]})
        text = response.context["token"]
        assert text in response.content.decode()
        row = tokens.find(text)
        assert (row.name, row.owner.username, row.rights) == ("Report", "lead", ["reviews"])
        change = reverse("admin:chat_apitoken_change", args=[row.pk])
        for page in (LIST, change, reverse("admin:index")):
            assert text not in lead.get(page).content.decode()

    @pytest.mark.parametrize(
        "fields",
        [{"name": "", "rights": ["reviews"]}, {"name": "x"}, {"name": "x", "rights": "all"}],
    )
    def test_makes_none_from_a_form_with_gaps(self, lead, fields):
        assert lead.post(ADD, fields).status_code == 200
        assert not ApiToken.objects.exists()

    def test_revokes(self, lead, issued):
        row, text = issued
        lead.post(LIST, {"action": "revoke", "_selected_action": [row.pk]})
        assert tokens.find(text) is None

    def test_changes_nothing_about_a_token(self, lead, issued):
        change = reverse("admin:chat_apitoken_change", args=[issued[0].pk])
        assert lead.post(change, {"name": "Mine", "rights": ["reviews"]}).status_code == 403
