"""What the groups may do: a table of role by address by expected status."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import URLPattern, get_resolver, reverse

from chat import labels, tokens
from chat.groups import RIGHTS, install_groups
from chat.models import Alert, AlertRule, GivenRight, ReplyPrompt, RoutingPhrase, User
from inference.models import Task
from tests.chat.desk import ROLES, conversation, says, staff, writes

pytestmark = pytest.mark.django_db

# address                         agent reviewer lead nobody
TABLE = {
    "chat_classification_changelist": (200, 200, 200, 403),
    "chat_classification_change": (200, 200, 200, 403),
    "chat_classification_add": (403, 403, 403, 403),
    "chat_classification_delete": (403, 403, 403, 403),
    "chat_extraction_changelist": (200, 200, 200, 403),
    "chat_extraction_change": (200, 200, 200, 403),
    "chat_extraction_add": (403, 403, 403, 403),
    "chat_extraction_delete": (403, 403, 403, 403),
    "chat_extraction_history": (200, 200, 200, 403),
    "chat_review_changelist": (200, 200, 200, 403),
    "chat_review_change": (200, 200, 200, 403),
    "chat_review_add": (403, 403, 403, 403),
    "chat_review_delete": (403, 403, 403, 403),
    "chat_conversation_changelist": (200, 200, 200, 403),
    "chat_conversation_change": (200, 200, 200, 403),
    "chat_conversation_add": (403, 403, 403, 403),
    "chat_conversation_delete": (403, 403, 403, 403),
    "chat_alert_changelist": (200, 200, 200, 403),
    "chat_alert_add": (403, 403, 403, 403),
    "chat_alertrule_changelist": (403, 403, 200, 403),
    "chat_alertrule_change": (403, 403, 200, 403),
    "chat_alertrule_add": (403, 403, 200, 403),
    "chat_alertrule_delete": (403, 403, 403, 403),
    "chat_replyprompt_changelist": (403, 403, 200, 403),
    "chat_replyprompt_change": (403, 403, 200, 403),
    "chat_replyprompt_add": (403, 403, 200, 403),
    "chat_replyprompt_delete": (403, 403, 403, 403),
    "chat_routingphrase_changelist": (403, 403, 200, 403),
    "chat_routingphrase_change": (403, 403, 200, 403),
    "chat_routingphrase_add": (403, 403, 200, 403),
    "chat_routingphrase_delete": (403, 403, 200, 403),
    "inference_task_changelist": (403, 403, 200, 403),
    "inference_task_change": (403, 403, 200, 403),
    "inference_task_add": (403, 403, 200, 403),
    "inference_task_delete": (403, 403, 403, 403),
    "inference_taskversion_changelist": (403, 403, 200, 403),
    "inference_taskversion_change": (403, 403, 200, 403),
    "inference_taskversion_add": (403, 403, 403, 403),
    "chat_user_changelist": (403, 403, 200, 403),
    "chat_user_add": (403, 403, 403, 403),
    "chat_apitoken_changelist": (403, 403, 200, 403),
    "chat_apitoken_change": (403, 403, 200, 403),
    "chat_apitoken_add": (403, 403, 200, 403),
    "chat_apitoken_delete": (403, 403, 403, 403),
    "auth_group_changelist": (403, 403, 403, 403),
    "chat_classification_history": (200, 200, 200, 403),
    "chat_conversation_history": (200, 200, 200, 403),
    "chat_review_history": (200, 200, 200, 403),
    "chat_alert_history": (200, 200, 200, 403),
    "chat_alertrule_history": (403, 403, 200, 403),
    "chat_apitoken_history": (403, 403, 200, 403),
    "chat_replyprompt_history": (403, 403, 200, 403),
    "chat_routingphrase_history": (403, 403, 200, 403),
    "chat_user_history": (403, 403, 200, 403),
    "inference_task_history": (403, 403, 200, 403),
    "inference_taskversion_history": (403, 403, 200, 403),
    "chat_alert_change": (200, 200, 200, 403),
    "chat_alert_delete": (403, 403, 403, 403),
    "chat_alertrule_preview": (403, 403, 302, 403),
    "chat_classification_review": (403, 302, 302, 403),
    "chat_classification_assign": (403, 302, 302, 403),
    "chat_user_change": (403, 403, 200, 403),
    "chat_user_delete": (403, 403, 403, 403),
    "inference_task_backfill": (403, 403, 200, 403),
    "inference_taskversion_delete": (403, 403, 403, 403),
    "auth_group_add": (403, 403, 403, 403),
    "auth_group_change": (403, 403, 403, 403),
    "auth_group_delete": (403, 403, 403, 403),
    "auth_group_history": (403, 403, 403, 403),
    "auth_permission_changelist": (403, 403, 403, 403),
    "auth_permission_add": (403, 403, 403, 403),
    "auth_permission_change": (403, 403, 403, 403),
    "auth_permission_delete": (403, 403, 403, 403),
    "auth_permission_history": (403, 403, 403, 403),
    "auth_user_password_change": (403, 403, 403, 403),
    "autocomplete": (403, 403, 403, 403),
    "search": (200, 200, 200, 200),  # of what one may see
    "index": (200, 200, 200, 200),
}
OWN = {"login", "logout", "password_change", "password_change_done", "jsi18n", "app_list"}
POSTED = {
    *("inference_task_try", "inference_task_try_new"),  # see test_trial.py
    *("inference_task_measure", "inference_task_activate"),  # see test_version_quality.py
}
NEITHER = {"view_on_site"}  # no model has an address of its own
WHO = [*ROLES, None]
OF_A_ROW = (
    *("_change", "_delete", "_history", "_review", "_assign"),
    *("_password_change", "_backfill"),
)


def rows() -> dict:
    talk = conversation()
    row = says(talk, "Shame on you", "Negative")
    task = Task.objects.get(slug="sentiment")
    return {
        "chat_classification": row.pk,
        "chat_extraction": writes(row.message).pk,
        "chat_review": labels.review(row, staff("reviewer", "Rita"), "confirmed").pk,
        "chat_conversation": talk.pk,
        "chat_apitoken": tokens.issue(staff("lead", "Lea"), "Reports", ["messages"])[0].pk,
        "chat_alertrule": AlertRule.objects.first().pk,
        "chat_replyprompt": ReplyPrompt.objects.current().pk,
        "chat_routingphrase": RoutingPhrase.objects.first().pk,
        "inference_task": task.pk,
        "inference_taskversion": task.current.pk,
        "chat_alert": Alert.objects.create(
            rule=AlertRule.objects.first(), message=row.message, conversation=talk, reason="Why"
        ).pk,
        "chat_user": User.objects.get(username="Rita").pk,
        "auth_user": User.objects.get(username="Rita").pk,
        "auth_group": Group.objects.first().pk,
        "auth_permission": Permission.objects.first().pk,
    }


def address(name: str, existing: dict) -> str:
    about = next((each for each in existing if name.startswith(f"{each}_")), None)
    if name.endswith(OF_A_ROW):
        return reverse(f"admin:{name}", args=[existing[about]])
    return reverse(f"admin:{name}")


def named(resolver, space: str = "") -> Iterator[tuple[str, str]]:
    """Every address of the site that has a name, as (namespace, name)."""
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield space, each.name
        else:
            yield from named(each, each.namespace or space)


def test_every_address_of_the_admin_stands_in_a_table():
    names = {name for space, name in named(get_resolver()) if space == "admin" and name}
    assert names == TABLE.keys() | OWN | POSTED | NEITHER


@pytest.mark.parametrize("role", WHO)
def test_each_role_reaches_what_its_name_says_and_nothing_else(client, role):
    existing = rows()
    client.force_login(staff(role))
    got = {name: client.get(address(name, existing)).status_code for name in TABLE}
    assert got == {name: expected[WHO.index(role)] for name, expected in TABLE.items()}


def test_strangers_reach_the_login_only(client):
    existing = rows()
    for name in TABLE:
        response = client.get(address(name, existing))
        assert response.status_code == 302
        assert response.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize(("role", "status"), list(zip(WHO, (403, 302, 302, 403), strict=True)))
def test_reviewers_and_leads_decide(client, role, status):
    row = says(conversation(), "Shame on you", "Negative")
    client.force_login(staff(role))
    decided = client.post(
        reverse("admin:chat_classification_review", args=[row.pk]), {"verdict": "confirmed"}
    )
    assert decided.status_code == status
    assert row.reviews.count() == (status == 302)


class TestAnUpgrade:
    def held(self) -> set[str]:
        group = Group.objects.get(name="agent")
        return set(group.permissions.values_list("codename", flat=True))

    def grant(self, codename: str) -> Permission:
        right = Permission.objects.get(codename=codename)
        Group.objects.get(name="agent").permissions.add(right)
        return right

    def test_brings_new_rights_and_keeps_what_people_changed(self, monkeypatch):
        self.grant("export_conversation")
        Group.objects.get(name="agent").permissions.remove(self.grant("change_alert"))
        before = self.held()
        monkeypatch.setitem(RIGHTS, "agent", [*RIGHTS["agent"], "settle_review"])
        install_groups()
        install_groups()
        assert self.held() == before | {"settle_review"}

    def test_of_a_database_that_kept_no_record_gives_what_is_missing(self):
        everything = self.held()
        self.grant("export_conversation")
        GivenRight.objects.all().delete()
        Group.objects.get(name="agent").permissions.remove(self.grant("view_alert"))
        install_groups()
        assert self.held() == everything | {"export_conversation"}

    def test_makes_a_deleted_group_anew_with_all_of_its_rights(self):
        everything = self.held()
        Group.objects.get(name="agent").delete()
        install_groups()
        assert self.held() == everything

    def test_leaves_alone_a_group_that_people_emptied(self):
        Group.objects.get(name="agent").permissions.clear()
        install_groups()
        assert not self.held()
