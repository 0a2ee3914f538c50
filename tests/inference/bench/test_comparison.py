"""All-in-One against BERT + LLM: the table, and the accuracy from files that `evaluate` wrote."""

import json

import pytest

from inference.bench import accuracy, comparison
from inference.bench.errors import BenchError

EVALUATED = {
    "task": "sentiment",
    "data": "shop.csv",
    "n": 200,
    "model": "pocket@1/float32",
    "accuracy": 0.81,
    "macro_f1": 0.8,
    "baselines": {"majority": {"accuracy": 0.5, "macro_f1": 0.2}},
}


def arm(scale: float, **more) -> dict:
    times = {"p50": 100 * scale, "p95": 200 * scale}
    return {
        "rss_gb": scale,
        "load_s": 3 * scale,
        "turn_ms": {"4": {"p50": 9999.0}, "1": times},
        "ttft_ms": {"4": {"p50": 9999.0}, "1": times},
        "label_ms_1": 10 * scale,
        **more,
    }


@pytest.fixture
def figures():
    arms = {"ours": arm(1.0), "article": arm(3.0), "two-models": arm(2.0, classifier_gb=0.44)}
    return {"arms": arms, "one_more_task_ms": {"1": 7.0, "16": 9.0}}


@pytest.fixture
def written(tmp_path):
    """`written(**changes)` is a file as the command's output was kept, page and all."""

    def write(**changes):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.txt"
        path.write_text(f"200 texts\n\n{json.dumps({**EVALUATED, **changes})}\n\n", "utf-8")
        return path

    return write


def test_the_table_has_both_ways_side_by_side(figures):
    table = comparison.compared(figures, [])
    assert table["models"] == {"ours": 1, "two-models": 2}
    assert table["memory_gb"] == {"ours": 1.0, "two-models": 2.0}
    assert table["turn_ms"] == {"ours": 100.0, "two-models": 200.0}
    assert table["one_more_task_ms"] == {"ours": 7.0, "two-models": 20.0}
    assert table["one_more_task_gb"] == {"ours": 0.0, "two-models": 0.44}


def test_there_is_no_table_without_both(figures):
    del figures["arms"]["two-models"]
    assert comparison.compared(figures, []) is None
    assert list(comparison.lines(None)) == []


def test_accuracy_comes_from_files_of_evaluate(figures, written):
    judged = {"accuracy": 0.9, "macro_f1": 0.89}
    with_classifier = written(baselines={"fallback": judged})
    table = comparison.compared(figures, accuracy.read([with_classifier, written()]))
    both, alone = table["judged"]
    assert both["accuracy"] == {"ours": 0.81, "two-models": 0.9}
    assert alone["accuracy"] == {"ours": 0.81, "two-models": None}
    assert (both["task"], both["data"], both["n"]) == ("sentiment", "shop.csv", 200)


def test_a_person_reads_the_same(figures, written):
    table = comparison.compared(figures, accuracy.read([written()]))
    lines = "\n".join(comparison.lines(table))
    assert "All-in-One" in lines
    assert "BERT + LLM" in lines
    (row,) = [line for line in lines.splitlines() if line.startswith("accuracy")]
    assert row.split()[-2:] == ["81.0%", "-"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"", "has no task"),
        (b"no json", "has no task"),
        (b"[1, 2]", "has no task"),
        (b'{"task": "sentiment"}', "has no data"),
    ],
)
def test_a_file_of_anything_else_is_named(tmp_path, content, problem):
    path = tmp_path / "evaluated.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BenchError, match=f"--accuracy {path} {problem}"):
        accuracy.read([path])
