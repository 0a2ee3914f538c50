"""The door of the desk: login attempts are throttled."""

import pytest
from django.urls import reverse

from chat.models import User

pytestmark = pytest.mark.django_db
LOGIN = reverse("admin:login")
PASSWORD = "correct horse battery staple"


@pytest.fixture
def kim(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast
    return User.objects.create_user("kim", password=PASSWORD, is_staff=True)


def attempt(client, password, **extra):
    return client.post(LOGIN, {"username": "kim", "password": password}, **extra)


def test_the_right_password_opens_the_desk(client, kim):
    assert attempt(client, PASSWORD).status_code == 302


def test_the_sixth_wrong_password_is_refused_and_says_for_how_long(client, kim, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        assert "Please enter the correct" in attempt(client, "wrong").content.decode()
    attempt(client, "wrong")
    refused = attempt(client, "wrong")
    assert refused.status_code == 429
    assert "15 minutes" in refused.content.decode()


def test_then_even_the_right_password_has_to_wait(client, kim, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        attempt(client, "wrong")
    assert attempt(client, PASSWORD).status_code == 429
    assert "_auth_user_id" not in client.session


def test_but_not_from_another_address(client, kim, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        attempt(client, "wrong")
    assert attempt(client, PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_a_forged_forwarding_header_gives_no_new_attempts(client, kim, settings):
    for number in range(settings.AXES_FAILURE_LIMIT):
        attempt(client, "wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}")
    refused = attempt(client, PASSWORD, HTTP_X_FORWARDED_FOR="192.0.2.99")
    assert refused.status_code == 429
