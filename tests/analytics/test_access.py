"""Who may see which page of the dashboard."""

import re

import pytest
from django.urls import get_resolver, reverse

from tests.chat.desk import ROLES, conversation, says, staff
from tests.chat.test_groups import named

pytestmark = pytest.mark.django_db


OVERVIEW = reverse("analytics:overview")
PAGES = ("overview", "conversations", "conversation", "printable", "agreement")


@pytest.fixture(params=PAGES)
def address(request) -> str:
    talk = conversation()
    says(talk, "Hello", "Neutral")
    args = [talk.pk] if request.param in ("conversation", "printable") else []
    return reverse(f"analytics:{request.param}", args=args)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_read(client, address, role):
    client.force_login(staff(role))
    assert client.get(address).status_code == 200


def test_strangers_are_sent_to_the_login_and_back(client, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response.url == f"{reverse('admin:login')}?next={address}"


def test_staff_without_the_right_are_told_so(client, address):
    client.force_login(staff(None))
    response = client.get(address)
    assert response.status_code == 403
    assert "No access" in response.content.decode()


def test_the_right_alone_does_not_do_without_being_staff(client, address, django_user_model):
    user = staff("lead")
    django_user_model.objects.filter(pk=user.pk).update(is_staff=False)
    client.force_login(user)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("is_staff", [True, False])
def test_whoever_is_logged_in_can_log_out_where_there_is_no_access(client, address, is_staff):
    user = staff(None)
    user.is_staff = is_staff
    user.save()
    client.force_login(user)
    page = client.get(address).content.decode()
    (logout,) = re.findall(r'<form class="session" method="post" action="(.*?)"', page)
    response = client.post(logout, follow=True)
    assert response.redirect_chain[-1][0] == f"{reverse('admin:login')}?next={OVERVIEW}"
    assert not client.session.keys()


def test_a_link_does_not_log_out(client):
    client.force_login(staff("lead"))
    assert client.get(reverse("analytics:logout")).status_code == 405
    assert client.get(OVERVIEW).status_code == 200


def test_nothing_is_written_here(client, address):
    client.force_login(staff("lead"))
    assert client.post(address).status_code == 405


def test_the_strict_policy_stands(client, address):
    client.force_login(staff("lead"))
    policy = client.get(address)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


DOCS = ("api:openapi-view", "api:openapi-json")
TABLES = ("conversations", "messages", "classifications", "extractions", "reviews")
ELSEWHERE = {
    *DOCS,
    *(f"api:{table}" for table in TABLES),  # by token: see below, and test_api.py
    "api:conversation",
    "api:api-root",  # only stands for the beginning of the addresses
    "analytics:export",
    "analytics:logout",
    *("chat:page", "chat:conversations", "inference:healthz", "inference:readyz"),  # visitors'
}


def test_every_address_outside_the_admin_stands_in_a_table():
    names = {f"{space}:{name}" for space, name in named(get_resolver()) if space != "admin"}
    assert names == ELSEWHERE | {f"analytics:{page}" for page in PAGES}


# (who, documentation, an export, a table of the API without a token)
ROWS = [
    ("agent", 200, 403, 401),
    ("reviewer", 200, 403, 401),
    ("lead", 200, 200, 401),
    (None, 403, 403, 401),
    ("stranger", 302, 302, 401),
]


@pytest.mark.parametrize(("who", "docs", "export", "table"), ROWS)
def test_documentation_exports_and_the_api_by_role(client, who, docs, export, table):
    if who != "stranger":
        client.force_login(staff(who))
    assert {client.get(reverse(each)).status_code for each in DOCS} == {docs}
    files = [reverse("analytics:export", args=[each, "csv"]) for each in TABLES]
    assert {client.get(each).status_code for each in files} == {export}
    one = reverse("api:conversation", args=[conversation().pk])
    asked = [one, *(reverse(f"api:{each}") for each in TABLES)]
    assert {client.get(each).status_code for each in asked} == {table}
