"""A visitor's page over a real websocket, reduced to what docs/protocol.md asks of one."""

import json
import urllib.request
from contextlib import contextmanager

from websockets.sync.client import connect

from tests.site import Site


class Page:
    """One conversation, opened on one server and reachable through any."""

    def __init__(self, server: Site):
        self.server = server
        self.headers = {"Origin": server.address, "Content-Type": "application/json"}
        url = f"{server.address}/api/conversations"
        request = urllib.request.Request(url, b"{}", self.headers, method="POST")
        with urllib.request.urlopen(request) as answer:
            self.conversation = json.load(answer)

    @contextmanager
    def open(self, server: Site, rev: int = 0):
        path = f"ws://127.0.0.1:{server.port}{self.conversation['ws']}"
        with connect(path, origin=server.address) as socket:
            send(socket, "hello", token=self.conversation["token"], rev=rev)
            yield socket


def send(socket, kind: str, **fields) -> None:
    socket.send(json.dumps({"type": kind, **fields}))


def receive(socket, kind: str, **fields) -> dict:
    while True:
        frame = json.loads(socket.recv(timeout=30))
        if frame["type"] == kind and fields.items() <= frame.items():
            return frame


def snapshot(socket) -> dict[str, dict]:
    """The rows that come before the answer to a ping, by role."""
    send(socket, "ping")
    rows = {}
    while (frame := json.loads(socket.recv(timeout=30)))["type"] != "pong":
        if frame["type"] == "message":
            rows[frame["role"]] = frame
    return rows
