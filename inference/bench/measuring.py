"""A whole measurement: make what is missing, measure the machine, then the arms."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from inference.bench import arms, folders, machine, running
from inference.bench.arms import Setting
from inference.bench.errors import BenchError
from inference.bench.plan import Plan
from inference.bench.progress import Doing, ProgressBar
from inference.bench.shapes import Shape
from inference.bench.summary import summary

MAKING, PREPARING, BANDWIDTH = "making the model", "its files", "memory bandwidth"
ALL = "bench"  # who does what is for every arm


def measure(
    shape: Shape,
    names: Sequence[str],
    plan: Plan,
    *,
    cache: Path,
    dtype: str,
    threads: int,
    kv_mb: int,
    missing: Mapping[str, str],
) -> dict:
    """The summary of a run of these arms, with a progress bar on stderr meanwhile.

    Args:
        names: arms that can run here, in the order in which they are shown.
        missing: arms that cannot, and why; for the summary.

    Raises:
        BenchError: a file cannot be made, or no arm could be measured.
    """
    with ProgressBar(_steps(names, plan)) as progress:
        progress(ALL, MAKING)
        folder = folders.ensure(shape, cache, progress.share)
        setting = Setting(shape, cache, folder, dtype, threads, kv_mb)
        for name in names:
            progress(name, PREPARING)
            arms.prepare(name, setting, progress.share)
        progress(ALL, BANDWIDTH)
        speed = machine.bandwidth(plan.bandwidth_mb, threads)
        results = running.run(names, setting, plan, progress)
    if not results.loaded:
        why = "; ".join(f"{name}: {reason}" for name, reason in results.failed.items())
        raise BenchError(f"No arm could be measured. {why}")
    return summary(results, setting, plan, speed, missing)


def _steps(names: Sequence[str], plan: Plan) -> list[Doing]:
    return [
        (ALL, MAKING),
        *((name, PREPARING) for name in names),
        (ALL, BANDWIDTH),
        *((name, running.LOADING) for name in names),
        *((step.arm, step.measurement.name) for step in plan.steps(names)),
    ]
