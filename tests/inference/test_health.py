"""`/healthz` and `/readyz`, and the process's one engine behind them."""

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncRequestFactory

from inference import resident, views
from inference.apart.engine import EngineApart
from inference.engine import Engine
from tests.inference.scripted import ScriptedEngine


@pytest.fixture(autouse=True)
def no_engine():
    before = resident.install(None)
    yield
    resident.install(before)


async def readyz():
    response = await views.readyz(AsyncRequestFactory().get("/readyz"))
    return response.status_code, json.loads(response.content)


async def test_a_living_process_is_healthy_whatever_the_model_does():
    resident.install(ScriptedEngine(state="failed"))
    response = await views.healthz(AsyncRequestFactory().get("/healthz"))
    assert (response.status_code, response.content) == (200, b"ok")


async def test_it_is_not_ready_while_the_model_loads():
    resident.install(ScriptedEngine(state="loading"))
    assert await readyz() == (503, {"state": "loading", "progress": 0.0, "error": None})


async def test_a_failed_load_is_told():
    failed = ScriptedEngine(state="loading")
    failed.become_failed("INFERENCE_MODEL=x does not exist.")
    resident.install(failed)
    status, report = await readyz()
    assert (status, report["state"]) == (503, "failed")
    assert "INFERENCE_MODEL" in report["error"]


async def test_a_ready_engine_names_its_model_and_counts_repeats(settings):
    settings.INFERENCE_REPEAT_SIZE = 10
    resident.install(ScriptedEngine())
    status, report = await readyz()
    assert (status, report["state"], report["model"]) == (200, "ready", "scripted@test/float32")
    assert report["repeats"] == {"hits": 0, "misses": 0, "entries": 0, "size": 10}
    assert report["first_token_ms"] == {"n": 0, "p50": None, "p95": None}


async def test_asking_does_not_start_the_engine():
    assert await readyz() == (503, {"state": "new", "progress": 0.0, "error": None})
    assert resident.engine().state == "new"


async def test_nothing_can_be_posted():
    response = await views.healthz(AsyncRequestFactory().post("/healthz"))
    assert response.status_code == 405


# The resident engine


@pytest.mark.parametrize(("backend", "kind"), [("local", Engine), ("process", EngineApart)])
def test_starting_twice_gives_the_same_engine(settings, tiny_folder, backend, kind):
    settings.INFERENCE_MODEL, settings.INFERENCE_BACKEND = str(tiny_folder()), backend
    first = resident.start()
    assert isinstance(first, kind)
    assert resident.start() is first
    assert first.wait_ready(30)
    resident.stop()
    assert resident.engine().state == "stopped"


def test_stopping_without_an_engine_does_nothing():
    resident.stop()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("INFERENCE_DTYPE", "float8", "INFERENCE_DTYPE must be one of auto"),
        ("INFERENCE_CONTEXT", 3, "INFERENCE_CONTEXT must be 64"),
        ("INFERENCE_MAX_NEW_TOKENS", 9999, "INFERENCE_MAX_NEW_TOKENS"),
        ("INFERENCE_THREADS", -1, "INFERENCE_THREADS"),
        ("INFERENCE_KV_MB", 0, "INFERENCE_KV_MB"),
        ("INFERENCE_MODEL", "", "INFERENCE_MODEL"),
    ],
)
def test_a_wrong_setting_is_named(settings, setting, value, words):
    setattr(settings, setting, value)
    with pytest.raises(ImproperlyConfigured, match=words):
        resident.engine()
