"""The staff socket: who may listen, and what they hear."""

import json
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group
from django.test import Client

from aio_site.asgi import application
from chat import bell, staff
from chat.admin.decisions import decide
from chat.conversations import open_conversation
from chat.models import AlertRule, User
from chat.turns import in_thread
from tests.chat.conftest import DeskEngine
from tests.chat.desk import stored
from tests.chat.visitor import HOST, ORIGIN

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana():
    """A member of staff in no group yet."""
    return User.objects.create_user("ana", password="x", is_staff=True)


@pytest.fixture
async def listen():
    sockets = []

    async def connect(user=None, origin=ORIGIN):
        headers = [HOST, origin]
        if user:
            headers.append((b"cookie", await in_thread(session_cookie)(user)))
        socket = WebsocketCommunicator(application, "/ws/staff/", headers=headers)
        connected, _ = await socket.connect()
        sockets.append(socket)
        return socket if connected else None

    yield connect
    for socket in sockets:
        await socket.disconnect()


def session_cookie(user) -> bytes:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"sessionid={client.cookies['sessionid'].value}".encode()


async def receive(socket, kind: str, seq: int | None = None) -> dict:
    while True:
        frame = await socket.receive_json_from(5)
        if frame["type"] == kind and seq in (None, frame.get("seq")):
            return frame


async def join(user, group: str) -> None:
    await in_thread(user.groups.add)(await Group.objects.aget(name=group))


async def test_strangers_and_people_without_the_right_are_refused(listen, ana):
    visitor = await in_thread(User.objects.create_user)("visitor", password="x")
    assert [await listen(), await listen(visitor), await listen(ana)] == [None, None, None]


@pytest.mark.parametrize("role", ["agent", "reviewer", "lead"])
async def test_every_role_may_listen(listen, ana, role):
    await join(ana, role)
    assert await listen(ana) is not None


async def test_a_foreign_origin_is_refused_even_if_it_may_embed_the_chat(listen, ana, settings):
    settings.CHAT_ALLOWED_ORIGINS = ["http://shop.example"]
    await join(ana, "agent")
    assert await listen(ana, (b"origin", b"http://shop.example")) is None
    assert await listen(ana) is not None


async def test_staff_hear_every_row_with_its_mood_whatever_visitors_may_see(
    listen, ana, engine, visit, conversation
):
    await join(ana, "agent")
    socket = await listen(ana)
    visitor = await visit()
    mine, reply = await visitor.say("Where is it?")
    told = {}  # a slow reader hears of all at once, what changed last at the end
    while not {("message", mine["seq"]), ("done", reply["seq"])} <= told.keys():
        frame = await socket.receive_json_from(5)
        told[frame["type"], frame.get("seq")] = frame
    first, done = told["message", mine["seq"]], told["done", reply["seq"]]
    assert (first["conversation"], first["text"]) == (str(conversation.pk), "Where is it?")
    assert (done["seq"], done["text"]) == (reply["seq"], "Hello there, friend.")
    assert mine["sentiment"] is None


async def test_staff_are_alerted_when_a_message_is_flagged(
    listen, ana, by_hand: DeskEngine, visit, conversation
):
    await join(ana, "reviewer")
    socket = await listen(ana)
    by_hand._label = "Negative"
    visitor = await visit()
    mine, _ = await visitor.say("This is the third time!")
    alert = await receive(socket, "alert")
    assert (alert["conversation"], alert["seq"]) == (str(conversation.pk), mine["seq"])
    assert (alert["label"], alert["score"] < 0) == ("Negative", True)


async def test_staff_frames_are_checked_too(listen, ana):
    await join(ana, "lead")
    socket = await listen(ana)
    await socket.send_to(text_data="?")
    assert (await socket.receive_json_from(5))["code"] == "bad_frame"
    await socket.send_to(text_data=json.dumps({"type": "ping"}))
    assert (await socket.receive_json_from(5))["type"] == "pong"


async def test_staff_are_alerted_when_a_rule_says_that_a_conversation_turns_bad(
    listen, ana, by_hand: DeskEngine, visit, conversation
):
    rules = AlertRule.objects.filter(kind="message")
    await rules.aupdate(name="Too much", threshold=0.5)
    await join(ana, "agent")
    socket = await listen(ana)
    by_hand._label = "Negative"
    visitor = await visit()
    mine, _ = await visitor.say("This is the third time!")
    while (alert := await receive(socket, "alert"))["rule"] is None:
        pass  # the flag of the same message
    assert (alert["conversation"], alert["seq"]) == (str(conversation.pk), mine["seq"])
    assert (alert["rule"], alert["label"]) == ("Too much", "Negative")
    assert alert["reason"].endswith("negative")


async def test_staff_hear_of_a_decision_that_leaves_the_label_as_it_was(
    listen, ana, by_hand: DeskEngine, visit, conversation
):
    await join(ana, "reviewer")
    by_hand._label = "Negative"
    visitor = await visit()
    await visitor.say("This is the third time!")
    socket = await listen(ana)
    row = await stored()
    await bell.ring(conversation.pk)
    await receive(socket, "message")
    await in_thread(decide)(row, ana, verdict="confirmed")
    assert (await receive(socket, "changed"))["conversation"] == str(conversation.pk)


async def test_a_deleted_conversation_does_not_end_the_socket(listen, ana, conversation):
    await join(ana, "agent")
    socket = await listen(ana)
    await bell.ring(uuid4())
    await bell.ring(conversation.pk)
    assert (await receive(socket, "status"))["conversation"] == str(conversation.pk)


async def test_whoever_loses_the_right_meanwhile_hears_nothing_more(
    listen, ana, conversation, monkeypatch
):
    monkeypatch.setattr(staff, "TRUSTED_SECONDS", 0)
    await join(ana, "agent")
    socket = await listen(ana)
    await bell.ring(conversation.pk)
    await receive(socket, "status")
    await in_thread(ana.groups.clear)()
    await bell.ring(conversation.pk)
    assert await socket.receive_output(5) == {"type": "websocket.close", "code": staff.FORBIDDEN}


async def test_a_socket_that_knows_too_many_conversations_forgets_the_oldest(
    listen, ana, engine, visit, conversation, monkeypatch
):
    monkeypatch.setattr(staff, "MOST_KNOWN", 1)
    await join(ana, "agent")
    visitor = await visit()
    await visitor.say("Hello")
    await visitor.receive("done")
    socket = await listen(ana)
    other = await in_thread(open_conversation)()
    for each in (conversation, other, conversation):
        await bell.ring(each.pk)
    told = [(await receive(socket, "message", 1))["text"] for _ in range(2)]
    assert told == ["Hello", "Hello"]
