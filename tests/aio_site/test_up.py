"""`manage.py up`: a fresh machine, wrong settings, kill -9 in mid-reply, and an orderly end."""

import socket

import pytest

from tests.aio_site.page import Page, receive, send, snapshot
from tests.inference import tiny
from tests.inference.endless import build_endless
from tests.site import Site, free_port, manage


@pytest.fixture(scope="module")
def babbler(tmp_path_factory):
    """A model that never comes to an end by itself."""
    return build_endless(tmp_path_factory.mktemp("babbler"))


@pytest.fixture
def site(tmp_path, babbler):
    """A site whose replies take many seconds."""
    limit = {"INFERENCE_MODEL": str(babbler), "INFERENCE_MAX_NEW_TOKENS": "3500"}
    with Site(tmp_path, **limit) as site:
        yield site


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_reply_survives_kill_minus_nine_as_interrupted_and_can_be_retried(site):
    page = Page(site)
    with page.open(site) as first:
        send(first, "message", client_id="a", text="Are you there?")
        receive(first, "delta")
        site.kill()
    site.start()
    site.wait_ready()
    with page.open(site) as second:
        rows = snapshot(second)
        mine, reply = rows["visitor"], rows["assistant"]
        assert (mine["text"], reply["state"]) == ("Are you there?", "interrupted")
        send(second, "retry", seq=reply["seq"])
        retried = receive(second, "message", seq=reply["seq"], attempt=2)
        receive(second, "delta", attempt=2)
        send(second, "stop", seq=reply["seq"])
        stopped = receive(second, "done")
    assert (retried["text"], stopped["state"]) == ("", "stopped")
    assert site.stop() == 0


def test_a_termination_in_mid_reply_keeps_the_partial_text(site):
    page = Page(site)
    with page.open(site) as first:
        send(first, "message", client_id="a", text="Go on")
        text = receive(first, "delta")["text"]
        assert site.stop() == 0
    site.start()
    site.wait_ready()
    with page.open(site) as second:
        reply = snapshot(second)["assistant"]
    assert reply["state"] == "interrupted"
    assert reply["text"].startswith(text)
    assert site.stop() == 0
    assert site.log.count("with password") == 1, "the password is shown on the first run only"


def test_a_port_in_use_is_said_before_anything_is_loaded(data):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = manage("up", "--port", str(port), data_dir=data)
    assert ended.returncode == 1
    assert f"--port {port}" in ended.stderr
    assert not list(data.glob("*.sqlite3"))


def test_a_migration_of_one_app_alone_installs_nothing_and_ends_well(data):
    ended = manage("migrate", "-v", "0", "contenttypes", data_dir=data)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("INFERENCE_DTYPE", "int3"),
        ("INFERENCE_THREADS", "many"),
        ("INFERENCE_MAX_NEW_TOKENS", "100000"),
        ("INFERENCE_MODEL", "/no/such/folder"),
        ("INFERENCE_FALLBACK_MODEL", "/no/such/folder"),
        ("INFERENCE_FALLBACK_THRESHOLD", "2"),
        ("INFERENCE_FALLBACK_LABELS", "Negative"),
        ("DATABASE_URL", "mysql://somewhere/else"),
        ("REDIS_URL", "somewhere"),
        ("CHAT_ALLOWED_ORIGINS", "shop.example"),
        ("TRUSTED_PROXIES", "the-proxy"),
        ("CHAT_ENABLED", "maybe"),
    ],
)
def test_a_wrong_setting_stops_the_start_by_name(data, variable, value):
    ended = manage("up", "--port", str(free_port()), data_dir=data, **{variable: value})
    assert ended.returncode != 0
    assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_model_that_breaks_while_loading_ends_up_with_words(data, babbler, tmp_path):
    broken = tiny.build(tmp_path / "broken")
    (broken / "tokenizer.json").write_text("{}")
    ended = manage("up", "--port", str(free_port()), data_dir=data, INFERENCE_MODEL=str(broken))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert f"INFERENCE_MODEL={broken} cannot be loaded" in ended.stderr
