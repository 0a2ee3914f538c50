"""Proxies, headers and policies of the site as a whole."""

import pytest

from aio_site.security import forwarded_address

FORWARDED = {"HTTP_X_FORWARDED_PROTO": "https"}


@pytest.fixture
def https(settings):
    settings.SECURE_SSL_REDIRECT = True
    return settings


@pytest.mark.parametrize(
    ("trusted", "peer", "header", "address"),
    [
        ([], "198.51.100.7", "10.9.9.9", "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.5", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.5, 10.0.0.2", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9:51234", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        (["10.0.0.0/8"], "10.0.0.1", "2001:db8::1", "2001:db8::1"),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"),
        (["10.0.0.0/8"], "10.0.0.1", "unknown", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.5, unknown, 10.0.0.2", "10.0.0.2"),
        (["10.0.0.0/8"], "not an address", "203.0.113.5", ""),
        (["10.0.0.0/8"], None, "203.0.113.5", ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_counts(settings, trusted, peer, header, address):
    settings.TRUSTED_PROXIES = trusted
    assert forwarded_address(peer, header) == address


@pytest.mark.django_db
def test_the_forwarded_scheme_counts_from_a_trusted_proxy_only(client, https):
    assert client.get("/", **FORWARDED).status_code == 301
    https.TRUSTED_PROXIES = ["127.0.0.1"]
    assert client.get("/", **FORWARDED).status_code == 200


@pytest.mark.django_db
def test_health_is_answered_without_a_redirect(client, https):
    assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_pages_for_visitors_load_nothing_from_elsewhere(client):
    policy = client.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_the_admin_alone_has_the_relaxed_policy_that_its_widgets_need(client):
    assert "'unsafe-eval'" in client.get("/admin/login/")["Content-Security-Policy"]
