"""Stored messages through a new task: as `backfill` reads them, and one at a time the plain way."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from inference.bench import subject
from inference.bench.arms import Arm, Setting
from inference.bench.errors import Overdue
from inference.bench.figures import Figures
from inference.bench.process import ArmProcess
from inference.bench.progress import ProgressBar
from inference.bench.summary import rounded
from inference.tasks import Request

MESSAGES = 1000
ROUNDS = 10  # slices of the messages, each labelled by both arms in turn
AT_ONCE = 32  # messages in the engine, as `manage.py backfill` has them
WARM = 4  # messages that nobody counts
OURS, PLAIN = "ours", "article"
ALL, MAKING, LOADING = "bench", "making the model", "loading"


@dataclass(frozen=True)
class Labels:
    """Messages that no two are the same, each to be labelled alone.

    An arm that serves one at a time begins no message after `limit_s` seconds: its rate is the
    same however many wait.
    """

    texts: tuple[str, ...]
    limit_s: float
    name: str = "labels"

    def run(self, arm: Arm, work: subject.Mood) -> Figures:
        requests = [Request(classify=(work.part(text),)) for text in self.texts]
        began = time.perf_counter()
        done = len(requests)
        if arm.parallel:
            arm.labels(requests, AT_ONCE)
        else:
            done = _one_by_one(arm, requests, began + self.limit_s)
        return {"labelled": done, "seconds": time.perf_counter() - began}


def measure(
    shape: str | None,
    messages: int,
    limit_s: float,
    *,
    cache: Path,
    dtype: str,
    threads: int,
    kv_mb: int,
) -> dict:
    """Both arms on the same messages, in turns, with a progress bar on stderr meanwhile.

    Args:
        limit_s: seconds that the plain way may take of each round.

    Raises:
        BenchError: an option is wrong, or an arm cannot be measured.
    """
    with ProgressBar(_steps(min(ROUNDS, messages))) as progress, ExitStack() as stack:
        progress(ALL, MAKING)
        setting = subject.setting(shape, cache, progress, dtype=dtype, threads=threads, kv_mb=kv_mb)
        arms, work = {}, subject.mood(setting)
        for name in (OURS, PLAIN):
            progress(name, LOADING)
            arms[name] = ArmProcess(name, setting, work)
            stack.callback(arms[name].close)
            arms[name].load()
            arms[name].measure(Labels(tuple(work.different(WARM, seed=1)), limit_s))
        slices = enumerate(_slices(work.different(messages, seed=0)))
        rounds = [_round(arms, number, texts, limit_s, progress) for number, texts in slices]
    return rounded(_summary(rounds, setting))


def page(figures: Mapping) -> str:
    """The figures as a person reads them."""
    rows = [
        f"{name:<10}{arm['labelled']:>8}{arm['seconds']:>10.1f}{arm['labels_per_s']:>12.3g}"
        for name, arm in figures["arms"].items()
    ]
    head = f"{'':<10}{'labelled':>8}{'seconds':>10}{'a second':>12}"
    ratio = f"{figures['ratio']:.3g}x, in its lowest round {figures['lowest_ratio']:.3g}x"
    title = f"{figures['model']}: {figures['messages']} messages, no two the same"
    return "\n".join([title, "", head, *rows, "", f"ours against one at a time: {ratio}"])


def _one_by_one(arm: Arm, requests: Sequence[Request], until: float) -> int:
    for done, request in enumerate(requests):
        try:
            arm.turn(request, until if done else None)  # one at least: there is no rate of none
        except Overdue:
            return done
    return len(requests)


def _slices(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """As many as ROUNDS, or one a message, each as long as the others but for one."""
    count = min(ROUNDS, len(texts))
    return [tuple(texts[number::count]) for number in range(count)]


def _named(number: int) -> str:
    return f"round {number + 1}"


def _steps(rounds: int) -> list[tuple[str, str]]:
    turns = [(name, _named(number)) for number in range(rounds) for name in (OURS, PLAIN)]
    return [(ALL, MAKING), (OURS, LOADING), (PLAIN, LOADING), *turns]


def _round(
    arms: Mapping[str, ArmProcess],
    number: int,
    texts: tuple[str, ...],
    limit_s: float,
    progress: ProgressBar,
) -> dict[str, Figures]:
    """What each arm did with a slice; every second round backwards: none is always the first."""
    found = {}
    for name in (OURS, PLAIN) if number % 2 == 0 else (PLAIN, OURS):
        progress(name, _named(number))
        found[name] = arms[name].measure(Labels(texts, limit_s))
    return found


def _summary(rounds: Sequence[Mapping[str, Figures]], setting: Setting) -> dict:
    ratios = [_rate([each[OURS]]) / _rate([each[PLAIN]]) for each in rounds]
    return {
        "model": subject.name(setting),
        "messages": sum(each[OURS]["labelled"] for each in rounds),
        "rounds": len(rounds),
        "at_once": AT_ONCE,
        "cores": setting.threads,
        "arms": {name: _arm([each[name] for each in rounds]) for name in (OURS, PLAIN)},
        "ratio": median(ratios),
        "lowest_ratio": min(ratios),
    }


def _arm(parts: Sequence[Figures]) -> Figures:
    return {
        "labelled": sum(each["labelled"] for each in parts),
        "seconds": sum(each["seconds"] for each in parts),
        "labels_per_s": _rate(parts),
    }


def _rate(parts: Sequence[Figures]) -> float:
    return sum(each["labelled"] for each in parts) / sum(each["seconds"] for each in parts)
