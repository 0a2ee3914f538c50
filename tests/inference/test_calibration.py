"""Confidences: the maths, what a model ships, what is measured."""

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import calibration
from inference.errors import EngineRefusal
from inference.models import Calibration, Task
from inference.tasks import Affine
from tests.inference.inbox import LABELS, classify
from tests.inference.scripted import ScriptedEngine

logprobs = st.fixed_dictionaries({label: st.floats(-30, 0) for label in LABELS})
LABEL_ROWS = [{"name": n, "polarity": p} for n, p in zip(LABELS, (1, 0, -1), strict=True)]


def logs(*values):
    return {label: math.log(value) for label, value in zip(LABELS, values, strict=True)}


def test_the_digest_is_that_of_prompt_and_labels():
    expected = hashlib.sha256(b"What mood?\nPositive,Neutral,Negative").hexdigest()
    assert calibration.digest("What mood?", LABELS) == expected


@given(values=logprobs, scale=st.floats(0.1, 5), bias=st.floats(-5, 5))
def test_probabilities_sum_to_one_in_the_labels_order(values, scale, bias):
    result = calibration.probabilities(values, Affine(scale, {"Neutral": bias}))
    assert sum(result.values()) == pytest.approx(1)
    assert tuple(result) == tuple(values)


def test_without_calibration_probabilities_are_the_labels_shares():
    result = calibration.probabilities(logs(0.1, 0.2, 0.1), Affine())
    assert result == pytest.approx({"Positive": 0.25, "Neutral": 0.5, "Negative": 0.25})


def test_a_bias_is_added_to_log_odds():
    result = calibration.probabilities(logs(0.2, 0.2, 0.2), Affine(bias={"Negative": math.log(2)}))
    assert result["Negative"] == pytest.approx(0.5)


def test_a_content_free_bias_makes_empty_messages_prefer_nothing():
    measured = [logs(0.7, 0.2, 0.1), logs(0.5, 0.3, 0.2)]
    bias = calibration.content_free_bias(measured)
    mean = calibration.probabilities(logs(0.6, 0.25, 0.15), Affine(bias=bias))
    assert mean == pytest.approx(dict.fromkeys(LABELS, 1 / 3))


def test_a_neutral_label_keeps_its_share_of_empty_messages():
    bias = calibration.content_free_bias([logs(0.16, 0.8, 0.04)], frozenset({"Neutral"}))
    result = calibration.probabilities(logs(0.16, 0.8, 0.04), Affine(bias=bias))
    assert bias["Neutral"] == 0
    assert result["Positive"] == pytest.approx(result["Negative"])
    assert result["Neutral"] > 0.8


# What a task's version gets when it meets a model


@pytest.fixture
def task(db):
    Task.objects.update(enabled=False)
    task = Task.objects.create(slug="mood", name="Mood")
    task.publish(prompt="What mood?", labels=LABEL_ROWS, context="message")
    return task


@pytest.mark.django_db
def test_a_shipped_calibration_is_added_once(task):
    engine = ScriptedEngine()
    engine.calibrations = {calibration.digest("What mood?", LABELS): Affine(2.0, {"Neutral": 0.5})}
    (row,) = calibration.ensure(engine)
    assert (row.version, row.model_id) == (task.current, engine.model_id)
    assert (row.source, row.affine) == ("shipped", Affine(2.0, {"Neutral": 0.5}))
    assert calibration.ensure(engine) == []


@pytest.mark.django_db
def test_without_a_shipped_one_it_is_measured_on_empty_messages(task, engine):
    (row,) = calibration.ensure(engine)
    assert row.source == Calibration.Source.CONTENT_FREE
    assert row.bias["Neutral"] == 0
    assert row.bias["Positive"] == pytest.approx(-row.bias["Negative"])
    assert row.model_id == engine.model_id


@pytest.mark.django_db
@pytest.mark.parametrize("context", ["message", "conversation"])
def test_empty_messages_are_asked_the_way_the_task_asks(task, context):
    engine = ScriptedEngine(label="Neutral")
    engine.calibrations = {}
    task.publish(prompt="And now?", labels=LABEL_ROWS, context=context)
    calibration.ensure(engine)
    asked = engine.requests[1].classify
    assert len(asked) == len(calibration.CONTENT_FREE)
    roles = {tuple(message.role for message in each.messages) for each in asked}
    assert roles == {("system", "user") if context == "message" else ("user", "user")}


@pytest.mark.django_db
def test_tasks_that_do_not_run_are_not_measured(task):
    Task.objects.update(enabled=False)
    engine = ScriptedEngine()
    assert calibration.ensure(engine) == []
    assert engine.requests == {}


@pytest.mark.django_db
def test_a_failed_measurement_is_an_error_and_adds_nothing(task):
    engine = ScriptedEngine(label=lambda part: 1 / 0)
    engine.calibrations = {}
    engine.state = "stopped"
    with pytest.raises(EngineRefusal):
        calibration.ensure(engine)
    assert not task.current.calibrations.exists()


def test_waiting_for_an_answer_that_does_not_come_ends(monkeypatch):
    engine = ScriptedEngine()
    request = calibration.Request(classify=(classify("Hello"),))
    with pytest.raises(EngineRefusal, match="no answer"):
        calibration.collect(engine, request, timeout=0.01)
    assert engine.open_parts() == []
