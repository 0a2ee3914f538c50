"""`manage.py evaluate --interference`: a label alone, and beside the other tasks."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from inference import presets, resident
from inference.models import Task
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db
OTHERS = {preset.slug for preset in presets.ALL} - {"sentiment"}


class Confused(ScriptedEngine):
    """Says another label as soon as it is asked two things at once."""

    def classify(self, ticket, key, label, confidence=0.9):
        if key == "sentiment" and len(self.requests[ticket].classify) > 1:
            label, confidence = "Neutral", 0.8
        super().classify(ticket, key, label, confidence)


@pytest.fixture
def model():
    before = resident.install(None)
    yield resident.install
    resident.install(before)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "labelled.csv"
    path.write_text("text,label\nLate,Negative\nThanks,Positive\nWhere?,Neutral\n", "utf-8")
    return path


def run(*arguments) -> str:
    out = io.StringIO()
    call_command("evaluate", "--interference", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments) -> dict:
    return json.loads(run(*arguments, "--json").splitlines()[-1])


def test_labels_that_other_tasks_leave_alone_show_no_difference(model, data):
    model(ScriptedEngine(label="Negative"))
    figures = report("--data", data)
    assert (figures["n"], figures["differences"], figures["largest_gap"]) == (3, 0, 0)
    assert set(figures["others"]) == OTHERS


def test_every_text_is_asked_for_alone_and_then_with_all_the_others(model, data):
    model(ScriptedEngine(label="Negative"))
    report("--data", data)
    requests = list(resident.engine().requests.values())
    asked = [{part.key for part in each.parts} for each in requests]
    assert asked == [{"sentiment"}, OTHERS | {"sentiment"}] * 3


def test_labels_that_change_are_counted_with_the_largest_gap(model, data):
    model(Confused(label="Negative"))
    figures = report("--data", data, "--limit", 2)
    assert (figures["n"], figures["differences"]) == (2, 2)
    assert figures["largest_gap"] == pytest.approx(0.8)  # Negative: 0.9 alone, 0.1 beside others
    assert "labels that differ from those alone: 2" in run("--data", data, "--limit", 2)


def test_a_failure_names_the_row(model, data, monkeypatch):
    engine = ScriptedEngine(label="Negative")
    monkeypatch.setattr(engine, "classify", lambda ticket, key, *rest: engine.fail(ticket, key))
    model(engine)
    with pytest.raises(CommandError, match="Row 2 could not be classified: scripted failure"):
        run("--data", data)


def test_a_task_that_is_alone_has_nothing_to_be_compared_with(model, data):
    model(ScriptedEngine(label="Negative"))
    Task.objects.exclude(slug="sentiment").update(archived=timezone.now())
    with pytest.raises(CommandError, match="sentiment is the only task there is"):
        run("--data", data)
