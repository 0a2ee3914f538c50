"""`manage.py classify`: texts in, labels out."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from inference import resident
from inference.models import Task
from tests.inference.flawed import become_nan, flawed
from tests.inference.scripted import ScriptedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def installed(engine):
    """The tiny model as the process's engine."""
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def scripted():
    made = ScriptedEngine(label="Negative")
    before = resident.install(made)
    yield made
    resident.install(before)


def run(*arguments, stdin=None, monkeypatch=None):
    if stdin is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    out = io.StringIO()
    call_command("classify", *arguments, stdout=out)
    return out.getvalue()


def test_texts_get_a_label_each(installed):
    lines = run("Where is it?", "谢谢").splitlines()
    assert [line.split("\t")[2] for line in lines] == ["Where is it?", "谢谢"]
    assert {line.split("\t")[0] for line in lines} <= {"Positive", "Neutral", "Negative"}


def test_json_is_the_last_line(installed):
    report = json.loads(run("Hello", "Bye", "--json").splitlines()[-1])
    assert (report["task"], report["n"], report["model"]) == ("sentiment", 2, installed.model_id)
    assert sum(report["counts"].values()) == 2
    first = report["results"][0]
    assert first["text"] == "Hello"
    assert first["confidence"] == first["scores"][first["label"]]


def test_a_file_is_read_line_by_line_in_order(scripted, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"text {n}" for n in range(100)) + "\n\n", encoding="utf-8")
    report = json.loads(run("--file", str(path), "--json"))
    assert [each["text"] for each in report["results"]] == [f"text {n}" for n in range(100)]


def test_a_pipe_is_read(scripted, monkeypatch):
    assert run(stdin="So bad\n", monkeypatch=monkeypatch) == "Negative\t0.90\tSo bad\n"


def test_the_message_is_asked_alone_with_the_tasks_prompt(scripted):
    run("So bad")
    (part,) = scripted.requests[1].classify
    prompt = Task.objects.get(slug="sentiment").current.prompt
    assert [each.content for each in part.messages] == [prompt, "So bad"]


def test_a_text_that_fails_is_named_and_fails_the_command(loaded, make_engine):
    before = resident.install(make_engine(flawed(loaded(), "Kaboom", become_nan)))
    with pytest.raises(CommandError, match="1 of 2 texts"):
        run("Hello", "Kaboom")
    resident.install(before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "--file", "b"], "not both"),
        (["--file", "/nowhere/at/all"], "cannot be read"),
        (["  "], "no text"),
        (["a", "--task", "other"], "There are: .*sentiment"),
    ],
)
def test_what_is_asked_wrongly_is_explained(scripted, arguments, words):
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_a_model_that_does_not_load_is_explained():
    broken = ScriptedEngine(state="failed")
    broken.error = "INFERENCE_MODEL=x does not exist."
    before = resident.install(broken)
    with pytest.raises(CommandError, match="INFERENCE_MODEL=x"):
        run("Hello")
    resident.install(before)
