"""`manage.py evaluate --errors`: what was wrong as a file, the worst first, whole or not at all."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from chat.evaluation import mistakes, replies
from chat.evaluation.judgement import Mistake, judge
from chat.evaluation.labelled import Example
from chat.evaluation.questions import Question
from inference import resident
from tests.inference.scripted import ScriptedEngine

MOODS = ("Positive", "Neutral", "Negative")
ROWS = [("So bad", "Negative"), ("Thanks!", "Positive"), ("=1+1", "Neutral")]
WRITTEN = [
    ["text", "label", "said", "confidence"],
    ["Thanks!", "Positive", "Negative", "0.9000"],
    ["'=1+1", "Neutral", "Negative", "0.9000"],
]
FULL = Path("/dev/full")


@pytest.fixture
def engine():
    """Is angry with everybody and answers everything alike."""
    engine = ScriptedEngine(label="Negative", reply="Order 70707 is -on- its way.")
    before = resident.install(engine)
    yield engine
    resident.install(before)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "judged.csv"
    rows = "".join(f"{text},{label}\n" for text, label in ROWS)
    path.write_text(f"text,label\n{rows}", "utf-8")
    return path


def run(*arguments):
    out = io.StringIO()
    call_command("evaluate", *map(str, arguments), stdout=out)
    return out.getvalue()


def rows_of(path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def wrong(text="a", confidence=0.9, row=2) -> Mistake:
    return Mistake(Example(row, text, "Positive"), "Negative", confidence)


# The command ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_wrongly_read_texts_are_written_and_json_stays_the_last_line(engine, data, tmp_path):
    path = tmp_path / "wrong.csv"
    page = run("--data", data, "--errors", path, "--json").splitlines()
    assert rows_of(path) == WRITTEN
    assert f"2 wrong ones: {path}" in page
    assert json.loads(page[-1])["n"] == 3


@pytest.mark.django_db
def test_faulty_replies_are_written_with_what_is_wrong(engine, tmp_path):
    path = tmp_path / "wrong.csv"
    figures = json.loads(run("--replies", "--errors", path, "--json").splitlines()[-1])
    names, *rows = rows_of(path)
    assert names == ["intent", "language", "question", "reply", "wrong"]
    assert len(rows) == figures["n"]  # an invented number in each
    assert {row[3] for row in rows} == {"Order 70707 is -on- its way."}
    assert all("invented 70707" in row[4] for row in rows)
    assert all(row[4].startswith("language") == (row[1] == "zh") for row in rows)
    faults = [row[4].count(",") for row in rows]
    assert faults == sorted(faults, reverse=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "is a folder; name a file"),
        ("absent/wrong.csv", "cannot be written: .*absent is no folder"),
        ("judged.csv/wrong.csv", r"cannot be written: .*judged\.csv is no folder"),
        ("/dev/null", "is no ordinary file"),
        ("/proc/wrong.csv", "cannot be written: No such file or directory"),
        ("n" * 300, "cannot be written: File name too long"),
    ],
)
@pytest.mark.parametrize("job", ["--data", "--replies"])
def test_a_place_that_cannot_be_written_is_refused_before_the_model_loads(
    data, tmp_path, name, words, job
):
    before = resident.install(None)  # starting it would load the model
    place = tmp_path / name
    with pytest.raises(CommandError, match=f"^--errors {re.escape(str(place))} {words}.*[.]$"):
        run("--errors", place, job, *([data] if job == "--data" else []))
    assert resident.install(before) is None
    assert list(tmp_path.iterdir()) == [data]


@pytest.mark.django_db
def test_the_judged_file_is_not_overwritten(engine, data, tmp_path):
    (tmp_path / "link.csv").symlink_to(data)
    for same in (data, tmp_path / "link.csv"):
        with pytest.raises(CommandError, match="--errors would overwrite the file of --data"):
            run("--data", data, "--errors", same)


@pytest.mark.django_db
def test_an_evaluation_that_fails_leaves_the_earlier_file_as_it_was(data, tmp_path, monkeypatch):
    (tmp_path / "wrong.csv").write_text("earlier")
    broken = ScriptedEngine(label="Negative")
    monkeypatch.setattr(broken, "classify", lambda ticket, key, *rest: broken.fail(ticket, key))
    before = resident.install(broken)
    with pytest.raises(CommandError, match="could not be classified"):
        run("--data", data, "--errors", tmp_path / "wrong.csv")
    resident.install(before)
    assert (tmp_path / "wrong.csv").read_text() == "earlier"


# The file ---------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0.4, 1), st.sampled_from(MOODS)), min_size=1))
def test_the_surest_mistakes_come_first_and_nothing_right_is_among_them(said):
    examples = [Example(row, "a", "Neutral") for row, _ in enumerate(said, start=2)]
    answers = [{**dict.fromkeys(MOODS, 0.0), label: sure} for sure, label in said]
    listed = judge(examples, answers, MOODS).mistakes
    expected = [sure for sure, label in said if label != "Neutral"]
    assert [each.confidence for each in listed] == sorted(expected, reverse=True)
    rows = [(-each.confidence, each.example.row) for each in listed]
    assert rows == sorted(rows)  # equally sure ones in the order of the file


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_and_none_becomes_a_formula(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    mistakes.write_labels(path, [wrong(text)])
    cell = rows_of(path)[1][0]
    assert cell in (text, f"'{text}")
    assert not re.match(r"\s*[=+\-@＝＋－＠]", cell)


@pytest.mark.parametrize("sign", "=+-@＝＠")
@pytest.mark.parametrize("before", ["", " ", "\t", "\n"])
def test_what_a_spreadsheet_would_calculate_begins_with_an_apostrophe(tmp_path, sign, before):
    path = tmp_path / "wrong.csv"
    text = f"{before}{sign}cmd|' /C calc'!A0"
    question = Question("en", "refund", text, re.compile("refund"))
    mistakes.write_labels(path, [wrong(text)])
    assert rows_of(path)[1][0] == f"'{text}"
    mistakes.write_replies(path, [replies.judge(question, text)])
    assert rows_of(path)[1][2:4] == [f"'{text}", f"'{text}"]


def test_a_follow_up_is_told_with_what_was_said_before(tmp_path):
    path = tmp_path / "wrong.csv"
    followed = next(each for each in replies.load() if each.earlier)
    mistakes.write_replies(path, [replies.judge(followed, "")])
    assert rows_of(path)[1][2].splitlines()[-1] == f"> {followed.text}"
    assert followed.earlier[0].content in rows_of(path)[1][2]


def test_good_replies_are_left_out(tmp_path):
    thanks = Question("en", "thanks", "cheers", re.compile("welcome", re.IGNORECASE))
    mistakes.write_replies(tmp_path / "wrong.csv", [replies.judge(thanks, "You are welcome!")])
    assert rows_of(tmp_path / "wrong.csv") == [list(mistakes.REPLY_COLUMNS)]


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "wrong.csv")
    mistakes.write_labels(tmp_path / "link.csv", [wrong()])
    assert (tmp_path / "link.csv").is_symlink()
    assert len(rows_of(tmp_path / "wrong.csv")) == 2


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_line_and_leaves_the_earlier_file_as_it_was(tmp_path):
    path = tmp_path / "wrong.csv"
    path.write_text("earlier")
    (tmp_path / ".wrong.csv.part").symlink_to(FULL)
    with pytest.raises(mistakes.MistakesError, match=r"^--errors .*: No space left on device\.$"):
        mistakes.write_labels(path, [wrong()])
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "earlier"
