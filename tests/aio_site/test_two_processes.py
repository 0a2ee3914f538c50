"""Two processes serve one site: PostgreSQL or a shared SQLite file for rows, Redis for the bell."""

import pytest

from tests import needs
from tests.aio_site.page import Page, receive, send, snapshot
from tests.inference.endless import build_endless
from tests.site import Site


@pytest.fixture(scope="module")
def two_servers(tmp_path_factory):
    shared = {
        "REDIS_URL": needs.redis(),
        "INFERENCE_MODEL": str(build_endless(tmp_path_factory.mktemp("babbler"))),
        "INFERENCE_MAX_NEW_TOKENS": "3500",
    }
    shared["DATA_DIR"] = str(tmp_path_factory.mktemp("data"))
    with (
        Site(tmp_path_factory.mktemp("first"), **shared) as first,
        Site(tmp_path_factory.mktemp("second"), **shared) as second,
    ):
        yield first, second
        assert (first.stop(), second.stop()) == (0, 0)


def test_a_tab_on_another_process_follows_a_reply_and_stops_it(two_servers):
    first, second = two_servers
    page = Page(first)
    with page.open(first) as here, page.open(second) as there:
        snapshot(there)
        send(here, "message", client_id="a", text="Tell me everything")
        reply = receive(there, "message", role="assistant")
        receive(there, "delta")
        send(there, "stop", seq=reply["seq"])
        ends = [receive(socket, "done", seq=reply["seq"]) for socket in (here, there)]
    assert ends[0] == ends[1]
    assert ends[0]["state"] == "stopped"


def test_a_conversation_resumes_on_the_other_process(two_servers):
    first, second = two_servers
    page = Page(first)
    with page.open(first) as socket:
        send(socket, "message", client_id="a", text="Hello")
        reply = receive(socket, "message", role="assistant")
        receive(socket, "delta")
        send(socket, "stop", seq=reply["seq"])
        done = receive(socket, "done")
    with page.open(second) as socket:
        row = snapshot(socket)["assistant"]
        send(socket, "retry", seq=reply["seq"])
        receive(socket, "delta", attempt=2)
    assert (row["state"], row["text"]) == ("stopped", done["text"])
