"""Tiny random models, made once a session, and engines that run them."""

import dataclasses
import shutil
import threading

import pytest

from inference.config import InferenceConfig
from inference.engine import Engine
from inference.loading import load
from tests.inference import tiny, tiny_classifier


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """`tiny_folder("qwen3")` is a folder with a tiny random model of that architecture."""
    made = {}

    def folder(architecture="qwen2"):
        if architecture not in made:
            place = tmp_path_factory.mktemp("models") / f"tiny-{architecture}"
            made[architecture] = tiny.build(place, architecture)
        return made[architecture]

    return folder


@pytest.fixture(scope="session")
def config(tiny_folder):
    """`config("qwen3", context=64)` is the configuration of a tiny model on one thread."""

    def configured(architecture="qwen2", **settings):
        defaults = {"context": 512, "max_new_tokens": 24, "threads": 1, "device": "cpu"}
        return InferenceConfig(str(tiny_folder(architecture)), **{**defaults, **settings})

    return configured


@pytest.fixture(scope="session")
def loaded(config):
    """`loaded("qwen3")` is a loaded tiny model, shared by the session."""
    made = {}

    def model(architecture="qwen2"):
        if architecture not in made:
            made[architecture] = load(config(architecture))
        return made[architecture]

    return model


@pytest.fixture(scope="session")
def reference(tiny_folder):
    """`reference("qwen3")` is the plain transformers module of the same tiny model."""
    from tests.inference.lean_reference import plain

    made = {}

    def module(architecture="qwen2"):
        if architecture not in made:
            made[architecture] = plain(tiny_folder(architecture))
        return made[architecture]

    return module


@pytest.fixture
def make_engine():
    """`make_engine(loaded)` starts an engine that is stopped after the test."""
    engines = []

    def make(load, *, max_waiting=256, max_running=16, start=True, **options):
        loads = load if callable(load) else lambda progress: load
        engine = Engine(loads, max_waiting=max_waiting, max_running=max_running, **options)
        engines.append(engine)
        if start:
            engine.start()
            engine.wait_ready(30)
        return engine

    yield make
    for engine in engines:
        engine.stop()


@pytest.fixture
def engine(make_engine, loaded):
    """A running engine on the tiny Qwen2."""
    return make_engine(loaded())


@pytest.fixture
def endless(loaded, make_engine):
    """An engine whose replies only end by their length, far away."""
    model = dataclasses.replace(loaded(), stop_ids=frozenset(), max_new_tokens=400)
    return make_engine(model, max_running=2)


@pytest.fixture
def gate():
    """Held loading: `gate.set()` lets it go on."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def held(make_engine, loaded, gate):
    """An engine that is loading until `gate` is set."""

    def load(progress):
        progress(0.5, "reading the weights")
        gate.wait(30)
        progress(0.9, "getting ready")
        return loaded()

    engine = make_engine(load, start=False)
    engine.start()
    return engine


@pytest.fixture
def folder(tiny_folder, tmp_path):
    """A copy of the tiny Qwen2, to be spoiled."""
    return shutil.copytree(tiny_folder(), tmp_path / "model")


@pytest.fixture(scope="session")
def moods(tmp_path_factory):
    """The folder of a tiny classifier that finds every text negative."""
    shares = {"negative": 0.7, "neutral": 0.2, "positive": 0.1}
    return tiny_classifier.build(tmp_path_factory.mktemp("classifier") / "moods", shares)


@pytest.fixture
def spoiled_moods(moods, tmp_path):
    """A copy of it, to be spoiled."""
    return shutil.copytree(moods, tmp_path / "moods")
