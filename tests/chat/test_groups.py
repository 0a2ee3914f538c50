"""What the groups may do: a table of role by address by expected status."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from chat import labels, tokens
from chat.groups import install_groups
from chat.models import ReplyPrompt, RoutingPhrase
from inference.models import Task
from tests.chat.desk import ROLES, conversation, says, staff

pytestmark = pytest.mark.django_db

# address                         agent reviewer lead nobody
TABLE = {
    "chat_classification_changelist": (200, 200, 200, 403),
    "chat_classification_change": (200, 200, 200, 403),
    "chat_classification_add": (403, 403, 403, 403),
    "chat_classification_delete": (403, 403, 403, 403),
    "chat_review_changelist": (200, 200, 200, 403),
    "chat_review_change": (200, 200, 200, 403),
    "chat_review_add": (403, 403, 403, 403),
    "chat_review_delete": (403, 403, 403, 403),
    "chat_conversation_changelist": (200, 200, 200, 403),
    "chat_conversation_change": (200, 200, 200, 403),
    "chat_conversation_add": (403, 403, 403, 403),
    "chat_conversation_delete": (403, 403, 403, 403),
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
    "index": (200, 200, 200, 200),
}
WHO = [*ROLES, None]


def rows() -> dict:
    talk = conversation()
    row = says(talk, "Shame on you", "Negative")
    task = Task.objects.get(slug="sentiment")
    return {
        "chat_classification": row.pk,
        "chat_review": labels.review(row, staff("reviewer", "Rita"), "confirmed").pk,
        "chat_conversation": talk.pk,
        "chat_apitoken": tokens.issue(staff("lead", "Lea"), "Reports", ["messages"])[0].pk,
        "chat_replyprompt": ReplyPrompt.objects.current().pk,
        "chat_routingphrase": RoutingPhrase.objects.first().pk,
        "inference_task": task.pk,
        "inference_taskversion": task.current.pk,
    }


def address(name: str, existing: dict) -> str:
    needs_row = name.endswith(("_change", "_delete"))
    args = [existing[name.rpartition("_")[0]]] if needs_row else []
    return reverse(f"admin:{name}", args=args)


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


def test_rights_that_people_changed_are_left_alone():
    agent = Group.objects.get(name="agent")
    agent.permissions.clear()
    install_groups()
    assert not agent.permissions.exists()
