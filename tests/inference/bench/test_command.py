"""`manage.py bench` on the toy shape: a real run, in processes of their own, and wrong options."""

import errno
import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from inference.bench import arms, running
from inference.bench.errors import ArmFailed
from inference.bench.figures import leaves
from inference.bench.plan import Plan
from inference.bench.process import ArmProcess
from inference.bench.workload import Lengths
from inference.management.commands.bench import Command

ARMS = ("ours", "article", "two-models")


def bench(*arguments, cache):
    """What the command writes to stdout."""
    out = io.StringIO()
    options = ("--shape", "toy", "--threads", "1", "--models", str(cache))
    call_command("bench", *options, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def run(setting, tmp_path_factory):
    """The page, the JSON object and the plot of one quick run of all arms but llama.cpp."""
    plot = tmp_path_factory.mktemp("plot") / "bench.svg"
    quick = ("--quick", "--dtype", "float32", "--conversations", "1", "2", "--turns", "1")
    written = bench(
        *quick, "--json", "--plot", str(plot), "--arms", *ARMS, cache=setting.cache
    ).splitlines()
    return "\n".join(written[:-1]), json.loads(written[-1]), plot


def test_the_last_line_has_every_key_that_scripts_rely_on(run):
    _, figures, _ = run
    single = (
        "shape dtype cores load_s rss_gb peak_rss_gb bandwidth_fraction "
        "ttft_turn10_over_turn1 five_tasks_over_one arms missing"
    )
    assert set(single.split()) <= set(figures)
    assert (figures["shape"], figures["dtype"], figures["cores"]) == ("toy", "float32", 1)
    assert set(figures["five_tasks_over_one"]) == {"1", "2"}
    for arm in ARMS:
        told = figures["arms"][arm]
        assert {"turns_per_s", "decode_tok_s", "prefill_tok_s"} <= set(told)
        assert {"label_ms_1", "ttft_p95_ms"} <= set(told)
        assert set(told["turns_per_s"]) == {"1", "2"}
        assert set(told["decode_tok_s"]) == {"1", "4"}


def test_every_figure_is_a_positive_number(run):
    _, figures, _ = run
    numbers = dict(leaves(figures["arms"]))
    wrong = {
        path: value
        for path, value in numbers.items()
        if path[-1] != "dtype" and path[1] != "unanswered" and not value > 0
    }
    assert not wrong
    assert figures["bandwidth_gb_s"]["read"] > 0
    assert figures["bandwidth_fraction"] > 0
    assert figures["ttft_turn10_over_turn1"] > 0


def test_ratios_are_those_of_the_run_that_is_shown(run):
    _, figures, _ = run
    ours = dict(leaves(figures["arms"]["ours"]))
    assert set(figures["ratios"]) == set(ARMS) - {"ours"}
    for arm, told in figures["ratios"].items():
        theirs = dict(leaves(figures["arms"][arm]))
        for path in [("turns_per_s", "2"), ("label_ms_1",), ("ttft_ms", "1", "p95")]:
            ratio = dict(leaves(told))[path]
            assert ratio == pytest.approx(ours[path] / theirs[path], rel=0.01)


def test_processes_are_apart_and_their_memory_is_their_own(run):
    _, figures, _ = run
    for arm in ARMS:
        told = figures["arms"][arm]
        assert told["highest_rss_gb"] >= told["peak_rss_gb"] > 0.05


def test_the_page_tells_a_person_the_same(run):
    page, figures, _ = run
    assert all(arm in page for arm in ARMS)
    assert f"{figures['arms']['ours']['prefill_tok_s']:,.3g}" in page
    assert "ours divided by the other's" in page


def test_the_comparison_with_bert_is_in_both(run):
    page, figures, _ = run
    assert "BERT + LLM" in page
    table = figures["comparison"]
    assert table["memory_gb"]["two-models"] == figures["arms"]["two-models"]["rss_gb"]
    assert table["one_more_task_ms"]["ours"] == figures["one_more_task_ms"]["1"]
    assert table["one_more_task_gb"]["two-models"] > 0


def test_the_plot_names_every_arm(run):
    *_, plot = run
    drawn = ET.parse(plot).getroot().itertext()
    assert set(ARMS) <= set(drawn)


@pytest.fixture
def measured(run, monkeypatch):
    """`measured(missing)` lets the command find the figures of that run, and these missing."""
    asked = {}

    def find(missing):
        def measure(shape, names, plan, **options):
            asked.update(names=names, **options)
            return {**run[1], "missing": missing}

        monkeypatch.setattr("inference.management.commands.bench.measure", measure)
        return asked

    return find


def test_an_arm_that_is_not_installed_is_left_out_with_how_to_get_it(cache, measured, monkeypatch):
    monkeypatch.setattr(arms, "find_spec", lambda module: None)
    missing = {"llama.cpp": "not installed; pip install llama-cpp-python gguf"}
    asked = measured(missing)
    page = bench(cache=cache)
    assert (asked["names"], asked["missing"]) == (list(ARMS), missing)
    assert f"llama.cpp was left out: {missing['llama.cpp']}" in page


def test_a_plot_that_cannot_be_written_after_all_is_said_after_the_figures(measured, cache, capsys):
    measured({})
    with pytest.raises(CommandError, match=r"--plot /dev/full cannot be written: No space left"):
        call_command("bench", "--shape", "toy", "--models", str(cache), "--plot", "/dev/full")
    assert "ours divided by the other's" in capsys.readouterr().out


def test_what_fails_in_measuring_is_not_blamed_on_the_plot(monkeypatch, cache):
    def measure(*args, **options):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("inference.management.commands.bench.measure", measure)
    with pytest.raises(OSError, match="Too many open files"):
        bench(cache=cache)


def test_an_arm_that_failed_ends_the_command_with_an_error_after_the_figures(
    measured, cache, capsys
):
    measured({"article": "Its process ended (exit code -9): out of memory?"})
    with pytest.raises(CommandError, match="Not measured to the end: article"):
        call_command("bench", "--shape", "toy", "--models", str(cache), "--json")
    written = capsys.readouterr().out.splitlines()
    assert any("out of memory?" in line for line in written)
    assert json.loads(written[-1])["missing"].keys() == {"article"}


def test_the_process_of_an_arm_that_dies_is_a_reason_and_not_a_hang(setting, workload):
    process = ArmProcess("ours", setting, workload)
    process._process.kill()
    with pytest.raises(ArmFailed, match="Its process ended"):
        process.load()
    process.close()


def test_an_arm_that_fails_is_left_out_and_named(setting, tmp_path):
    broken = shutil.copytree(setting.folder, tmp_path / "toy")
    (broken / "config.json").unlink()
    elsewhere = arms.Setting(setting.shape, tmp_path, broken, "float32", 1)
    plan = Plan(conversations=(1,), turns=1, seeds=1, streams=(1,), lengths=Lengths(reply=2))
    said = []
    results = running.run(["ours"], elsewhere, plan, lambda *doing: said.append(doing))
    assert "config.json" in results.failed["ours"]
    assert (results.loaded, results.repeats) == ({}, {})
    assert said[0] == ("ours", "loading")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--shape", "gpt-5"], r"--shape gpt-5 is unknown\. There are: qwen2\.5-0\.5b"),
        (["--arms", "ours", "vllm"], r"--arms vllm is unknown\. There are: ours, article"),
        (["--conversations", "0"], r"--conversations must be 1 to 32, not \[0\]"),
        (["--conversations", "1", "64"], "--conversations must be 1 to 32"),
        (["--turns", "0"], "--turns must be 1 or more, not 0"),
        (["--seeds", "-1"], "--seeds must be 1 or more, not -1"),
        (["--limit", "0"], "--limit must be more than 0"),
        (["--threads", "-2"], r"--threads must be 0 \(the physical cores\) to"),
        (["--dtype", "float8"], "--dtype must be one of auto, float32, bfloat16, int8"),
        (["--plot", "/nowhere/at/all.svg"], "--plot /nowhere/at/all.svg cannot be written there"),
        (["--plot", "/tmp"], "--plot /tmp is a folder"),
        (["--accuracy", "/nowhere/at/all"], "--accuracy /nowhere/at/all cannot be read"),
        (["--quick", "--models", "/dev/null"], "--models /dev/null cannot be written"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_measured(tmp_path, options, problem):
    with pytest.raises(CommandError, match=problem):
        bench(*options, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def documented():
    return (Path(settings.BASE_DIR) / "docs/performance.md").read_text("utf-8")


def test_every_option_is_documented():
    parser = Command().create_parser("manage.py", "bench")
    django = BaseCommand().create_parser("manage.py", "bench")
    own = set(parser._option_string_actions) - set(django._option_string_actions)
    assert own == set(re.findall(r"^\| `(--[a-z]+)", documented(), re.M))


def test_every_key_is_documented_and_no_other(run):
    _, figures, _ = run
    section = documented().split("## How to read it")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.M)
    told = {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}
    assert told == {*figures, *(key for arm in figures["arms"].values() for key in arm)}


def test_no_arm_that_can_run_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(arms, "find_spec", lambda module: None)
    with pytest.raises(CommandError, match=r"--arms leaves nothing to measure: llama\.cpp is not"):
        bench("--arms", "llama.cpp", cache=tmp_path)
