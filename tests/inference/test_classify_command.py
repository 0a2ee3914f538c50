"""`manage.py classify`: texts in, labels out."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from inference import resident
from inference.models import Task
from tests.inference import tiny_classifier
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


def test_a_task_that_writes_json_answers_with_it(scripted):
    scripted._json = '{"order": null, "product": "lamp", "amount": null, "action": "return"}'
    lines = run("The lamp is broken", "--task", "details", "--json").splitlines()
    (result,) = json.loads(lines[-1])["results"]
    assert result == {"text": "The lamp is broken", "data": json.loads(scripted._json)}


def test_json_that_does_not_follow_its_schema_is_a_failure(scripted):
    scripted._json = '{"order": 5}'
    with pytest.raises(CommandError, match="1 of 1 texts"):
        run("Hello", "--task", "details")


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


def test_a_task_that_reads_conversations_is_asked_behind_the_message(scripted):
    task = Task.objects.get(slug="sentiment")
    task.publish(prompt="Mood now?", labels=task.current.labels, context="conversation")
    run("So bad")
    (part,) = scripted.requests[1].classify
    assert [(each.role, each.content) for each in part.messages] == [
        ("user", "So bad"),
        ("user", "Mood now?"),
    ]


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_pipe_that_is_no_text_is_explained(scripted, monkeypatch, errors):
    piped = io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", piped)
    with pytest.raises(CommandError, match="pipe cannot be read"):
        run()


def test_a_byte_order_mark_is_no_part_of_the_first_text(scripted, monkeypatch, tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("So bad\n", encoding="utf-8-sig")
    assert run("--file", str(path)) == "Negative\t0.90\tSo bad\n"
    marked = "\ufeffSo bad\n"
    assert run(stdin=marked, monkeypatch=monkeypatch) == "Negative\t0.90\tSo bad\n"


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


def test_what_the_model_is_not_sure_of_the_fallback_decides(scripted, settings, tmp_path):
    shares = {"Positive": 0.7, "Neutral": 0.2, "Negative": 0.1}
    folder = tiny_classifier.build(tmp_path / "moods", shares)
    settings.INFERENCE_FALLBACK_MODEL = str(folder)
    settings.INFERENCE_FALLBACK_THRESHOLD = 0.95
    assert run("So bad") == "Positive (fallback)\t0.70\tSo bad\n"
    (result,) = json.loads(run("So bad", "--json"))["results"]
    assert result["decided_by"].startswith("moods@")
    assert result["scores"] == {"Positive": 0.7, "Neutral": 0.2, "Negative": 0.1}


def test_a_fallback_that_does_not_fit_is_refused_at_the_start(scripted, settings, tmp_path):
    settings.INFERENCE_FALLBACK_MODEL = str(
        tiny_classifier.build(tmp_path / "m", {"a": 0.5, "b": 0.5})
    )
    with pytest.raises(CommandError, match="INFERENCE_FALLBACK_LABELS"):
        run("So bad")
