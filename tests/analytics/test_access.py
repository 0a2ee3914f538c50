"""Who may see which page of the dashboard."""

import pytest
from django.urls import reverse

from tests.chat.desk import ROLES, conversation, says, staff

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["overview", "conversations", "conversation", "printable", "agreement"])
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


def test_nothing_is_written_here(client, address):
    client.force_login(staff("lead"))
    assert client.post(address).status_code == 405


def test_the_strict_policy_stands(client, address):
    client.force_login(staff("lead"))
    policy = client.get(address)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
