"""A socket whose handler raises leaves nothing behind, as one that its client closes."""

import asyncio

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.test import Client

from aio_site.asgi import application
from chat import bell, conversations, turns
from chat.models import User
from chat.turns import in_thread
from tests.chat.visitor import HOST, ORIGIN

pytestmark = pytest.mark.django_db(transaction=True)


def locked(*args, **kwargs):
    raise OperationalError("database is locked")


def pumps() -> list[asyncio.Task]:
    return [task for task in asyncio.all_tasks() if "_pump" in repr(task.get_coro())]


async def test_a_visitor_s_socket_stops_reading_the_database(
    engine, visit, conversation, monkeypatch
):
    visitor = await visit()
    assert len(pumps()) == 1
    monkeypatch.setattr(turns, "start", locked)
    await visitor.send("message", client_id="c1", text="Hi")
    with pytest.raises(OperationalError):
        await visitor.socket.wait()
    visitor.socket = None  # it is gone, there is nothing to leave
    await asyncio.sleep(0)  # a task that was cancelled ends
    assert not pumps()
    assert conversation.pk not in bell._watches
    assert bell.group(conversation.pk) not in get_channel_layer().groups


async def test_a_staff_socket_leaves_its_group(engine, conversation, monkeypatch):
    socket = WebsocketCommunicator(application, "/ws/staff/", headers=[HOST, ORIGIN, await login()])
    assert (await socket.connect())[0]
    monkeypatch.setattr(conversations, "read", locked)
    await bell.ring(conversation.pk)
    with pytest.raises(OperationalError):
        await socket.wait()
    assert bell.STAFF not in get_channel_layer().groups


async def login() -> tuple[bytes, bytes]:
    def session() -> str:
        ana = User.objects.create_user("ana", password="x", is_staff=True)
        ana.groups.add(Group.objects.get(name="agent"))
        client = Client()
        client.force_login(ana, backend="django.contrib.auth.backends.ModelBackend")
        return client.cookies["sessionid"].value

    return b"cookie", f"sessionid={await in_thread(session)()}".encode()
