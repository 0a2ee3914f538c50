"""Opening a conversation over HTTP."""

import json

import pytest

from chat import visitors
from chat.models import Conversation

pytestmark = pytest.mark.django_db
OWN = {"origin": "http://testserver"}


@pytest.fixture
def post(client, settings):
    settings.ALLOWED_HOSTS = ["testserver"]

    def send(body="{}", headers=OWN):
        body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return client.post(
            "/api/conversations", body, content_type="application/json", headers=headers
        )

    return send


def test_a_conversation_is_opened_with_what_the_visitor_gives(post):
    answer = post({"name": "Ana", "email": "ana@shop.example", "page": "/cart", "language": "zh"})
    row = Conversation.objects.get()
    body = answer.json()
    assert (answer.status_code, body["id"], body["ws"]) == (201, str(row.pk), f"/ws/chat/{row.pk}/")
    assert (row.name, row.email, row.page, row.language) == (
        "Ana",
        "ana@shop.example",
        "/cart",
        "zh",
    )
    assert visitors.opens(body["token"], row.pk)


def test_everything_is_optional(post):
    assert post("").status_code == post("{}").status_code == 201


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("[]", "object"),
        ("{", "JSON"),
        ('{"x": ' + "[" * 5000, "JSON"),
        ({"name": 5}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"email": "nobody"}, "email"),
        ('{"page": "a\\u0000"}', "page"),
        ('{"name": "\\ud800"}', "name"),
        ("{" + " " * 9000 + "}", "bytes"),
        (b"\xff\xfe", "JSON"),
    ],
)
def test_bad_fields_are_refused_by_name(post, body, named):
    answer = post(body)
    assert answer.status_code == 400
    assert named in answer.json()["error"]["message"]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"origin": "http://evil.example"}, {"origin": "null"}])
def test_a_foreign_or_missing_origin_is_forbidden(post, headers):
    assert post(headers=headers).status_code == 403


def test_a_site_from_the_settings_may_embed_the_chat(post, settings):
    settings.CHAT_ALLOWED_ORIGINS = ["https://shop.example"]
    answer = post(headers={"origin": "https://shop.example"})
    assert answer.status_code == 201
    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"


def test_one_address_opens_only_so_many_conversations_a_minute(post, settings):
    settings.CHAT_RATE_ADDRESS = 2
    assert [post().status_code for _ in range(3)] == [201, 201, 429]


def test_a_chat_that_is_switched_off_opens_none(post, settings):
    settings.CHAT_ENABLED = False
    assert post().status_code == 503


def test_only_post_opens_a_conversation(client):
    assert client.get("/api/conversations").status_code == 405
