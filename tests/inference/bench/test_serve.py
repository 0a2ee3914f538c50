"""`bench --serve`: the real server measured from outside, and nothing of it left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from inference.bench.errors import BenchError
from inference.bench.serving import measuring
from inference.bench.serving.load import Load
from inference.bench.serving.server import serving
from inference.recent import KEPT

SMALL = Load(places=2, conversations=2, turns=1)


@pytest.fixture(scope="module")
def figures():
    warm_up, measuring.WARM_UP = measuring.WARM_UP, Load(places=2, conversations=1, turns=1)
    yield measuring.measure(SMALL, "float32", 1)
    measuring.WARM_UP = warm_up


def test_echoes_and_first_tokens_are_measured_on_the_real_server(figures):
    assert (figures["conversations"], figures["replies"]) == (2, 4)
    assert 0 < figures["echo_ms"]["p50"] <= figures["echo_ms"]["p95"] == figures["echo_p95_ms"]
    assert figures["ttft_inside_ms"]["p50"] > 0
    ratio = figures["ttft_socket_ms"]["p50"] / figures["ttft_engine_ms"]["p50"]
    assert figures["ttft_socket_over_engine"] == pytest.approx(ratio, rel=0.01)


def test_the_page_tells_a_person_the_same(figures):
    page = measuring.page(figures)
    assert f"95 % within {figures['echo_p95_ms']:.3g} ms" in page
    assert f"{figures['ttft_socket_over_engine']:.3g}x" in page


def test_every_key_is_documented_and_no_other(figures):
    text = (Path(settings.BASE_DIR) / "docs/performance.md").read_text("utf-8")
    section = text.split("## The whole server")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.M)
    told = {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}
    assert told == set(figures)


def test_the_full_load_has_as_many_replies_as_the_engine_remembers():
    assert measuring.FULL.messages == KEPT
    assert measuring.FULL.places == 16


def test_no_two_messages_of_a_load_are_the_same():
    full = measuring.FULL
    rounds = (texts for number in range(full.conversations) for texts in full.rounds(number))
    said = [text for texts in rounds for text in texts]
    assert len(set(said)) == full.messages


def test_a_server_that_does_not_start_says_why():
    with (
        pytest.raises(BenchError, match=r"The server did not start: .*INFERENCE_THREADS"),
        serving({"INFERENCE_THREADS": "many"}),
    ):
        pytest.fail("it started")


@pytest.mark.parametrize(
    "option",
    [
        *(["--arms", "ours"], ["--turns", "2"], ["--plot", "x.svg"]),
        *(["--shape", "qwen2.5-0.5b"], ["--models", "somewhere"]),
    ],
)
def test_options_of_made_models_are_refused_instead_of_ignored(option):
    with pytest.raises(CommandError, match=rf"{option[0]} cannot go with --serve"):
        call_command("bench", "--serve", *option)


@pytest.fixture
def command(tmp_path):
    """`manage.py bench --serve` as a process whose temporary files are in `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "bench", "--serve", "--quick", "--json"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "TMPDIR": str(tmp_path), "DATA_DIR": str(tmp_path / "own")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_neither_server_nor_files(command, tmp_path, number):
    server = _child(command.pid)
    command.send_signal(number)
    _, complaint = command.communicate(timeout=60)
    assert command.returncode == 1
    assert complaint.strip().endswith("Stopped.")
    assert not server.is_running()
    assert list(tmp_path.glob("bench-serve-*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_was_just_being_started_is_ended_too(monkeypatch, number):
    started = []
    start = subprocess.Popen

    def interrupted(*args, **options):
        started.append(start(*args, **options))
        os.kill(os.getpid(), number)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt), serving({}):
        pytest.fail("it went on")
    assert started[0].poll() is not None


def _child(pid: int) -> psutil.Process:
    """The server, once the command has started it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in psutil.Process(pid).children():
            if "up" in child.cmdline():
                return child
        time.sleep(0.05)
    raise AssertionError("no server was started")


def test_figures_are_the_last_line_of_json(monkeypatch, capsys, figures):
    monkeypatch.setattr(measuring, "measure", lambda load, dtype, threads: figures)
    call_command("bench", "--serve", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == figures
