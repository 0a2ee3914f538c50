"""A replay of short, frequent messages: how many are known from before, and what that saves."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from inference import calibration, resident
from inference.bench import subject
from inference.bench.arms import Setting
from inference.bench.errors import BenchError
from inference.bench.figures import spread
from inference.bench.progress import ProgressBar
from inference.bench.sayings import replayed
from inference.bench.summary import rounded
from inference.config import InferenceConfig
from inference.engine import Engine
from inference.errors import EngineRefusal
from inference.repeat import RepeatCache
from inference.sequence import Classified
from inference.tasks import Request

MESSAGES = 2000  # of one replay, which begins with an empty cache
DISTINCT = 1000
ZIPF = 1.0
HANG = 300  # seconds without an answer that are a defect
ARM, MAKING, LOADING = "ours", "making the model", "loading"


def measure(
    shape: str | None,
    messages: int,
    seeds: int,
    *,
    cache: Path,
    size: int,
    dtype: str,
    threads: int,
    kv_mb: int,
) -> dict:
    """Replays through the engine, as many as seeds, with a progress bar on stderr meanwhile.

    Args:
        size: answers that the cache keeps; one that keeps none is no measurement.

    Raises:
        BenchError: an option is wrong, or the model does not load or answer.
    """
    if not size:
        raise BenchError("--cache measures nothing with INFERENCE_REPEAT_SIZE=0: set 1 or more.")
    steps = [(ARM, MAKING), (ARM, LOADING), *((ARM, _named(seed)) for seed in range(seeds))]
    with ProgressBar(steps) as progress:
        progress(ARM, MAKING)
        setting = subject.setting(shape, cache, progress, dtype=dtype, threads=threads, kv_mb=kv_mb)
        progress(ARM, LOADING)
        engine, task = _loaded(setting), subject.mood(setting)
        try:
            replays = []
            for seed in range(seeds):
                progress(ARM, _named(seed))
                replays.append(_replay(engine, task, messages, seed, size, progress))
        finally:
            engine.stop()
    return rounded(_summary(replays, setting, engine, messages, size))


def page(figures: Mapping) -> str:
    """The figures as a person reads them."""
    hit, miss = figures["hit_ms"], figures["miss_ms"]
    asked = f"{figures['messages']} messages of {figures['distinct']}, Zipf {figures['zipf']:g}"
    return "\n".join(
        [
            f"{figures['model']}: {figures['seeds']} replays of {asked}, the cache empty at first",
            f"known from before: {figures['hits']} of {figures['hits'] + figures['misses']}"
            f" ({figures['hit_rate']:.1%}; the lowest replay {figures['lowest_hit_rate']:.1%})",
            f"a hit, ms:  p50 {hit['p50']:.3g}, p99 {hit['p99']:.3g}, the most {hit['most']:.3g}",
            f"a miss, ms: p50 {miss['p50']:.3g}, p99 {miss['p99']:.3g}",
        ]
    )


def _named(seed: int) -> str:
    return f"replay {seed + 1}"


def _loaded(setting: Setting) -> Engine:
    config = InferenceConfig(
        model=str(setting.folder),
        dtype=setting.dtype,
        device="cpu",
        threads=setting.threads,
        kv_mb=setting.kv_mb,
    )
    engine = resident.build(config)
    engine.start()
    if not engine.wait_ready():
        raise BenchError(engine.error or "The engine was stopped.")
    return engine


def _replay(
    engine: Engine,
    task: subject.Mood,
    messages: int,
    seed: int,
    size: int,
    progress: ProgressBar,
) -> dict[bool, list[float]]:
    """The times of hits and misses in ms, one message after the other."""
    known, frequent = RepeatCache(size), task.frequent(DISTINCT)
    version = calibration.digest(task.prompt, task.labels)
    times: dict[bool, list[float]] = {True: [], False: []}
    _ask(
        engine, task, frequent[0]
    )  # reads the task's prompt, as every message but the first finds it
    for number, text in enumerate(replayed(frequent, messages, seed, ZIPF), start=1):
        began = time.perf_counter()
        found = known.recall("sentiment", text, version, engine.model_id)
        if found is None:
            said = _ask(engine, task, text)
            known.remember(text, version, engine.model_id, said.logprobs)
        times[found is not None].append(1000 * (time.perf_counter() - began))
        progress.share(number / messages)
    return times


def _ask(engine: Engine, task: subject.Mood, text: str) -> Classified:
    try:
        (event,) = calibration.collect(engine, Request(classify=(task.part(text),)), HANG)
    except EngineRefusal as error:
        raise BenchError(str(error)) from error
    if not isinstance(event, Classified):
        raise BenchError(f"A message was not classified: {event.message}")
    return event


def _summary(
    replays: list[dict], setting: Setting, engine: Engine, messages: int, size: int
) -> dict:
    hits = list(_all(replays, True))
    misses = list(_all(replays, False))
    return {
        "model": subject.name(setting),
        "model_id": engine.model_id,
        "messages": messages,
        "distinct": DISTINCT,
        "zipf": ZIPF,
        "seeds": len(replays),
        "size": size,
        "hits": len(hits),
        "misses": len(misses),
        "hit_rate": len(hits) / (len(hits) + len(misses)),
        "lowest_hit_rate": min(len(each[True]) / messages for each in replays),
        "hit_ms": {**_spread(hits), "most": max(hits, default=0.0)},
        "miss_ms": _spread(misses),
        "share_of_hits_under_1_ms": sum(each < 1 for each in hits) / max(1, len(hits)),
    }


def _all(replays: list[dict], hit: bool) -> Iterator[float]:
    return (each for replay in replays for each in replay[hit])


def _spread(sample: list[float]) -> dict:
    return spread(sample) if sample else {"p50": 0.0, "p95": 0.0, "p99": 0.0}
