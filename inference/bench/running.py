"""One run: arms loaded one after the other, measured in turns, and what they gave."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from inference.bench.arms import Setting
from inference.bench.errors import ArmFailed
from inference.bench.figures import Figures, merged
from inference.bench.plan import Plan, Step
from inference.bench.process import ArmProcess, Loaded
from inference.bench.workload import Workload


@dataclass
class Results:
    """What a run gave: by arm, and of every repeat apart."""

    loaded: dict[str, Loaded] = field(default_factory=dict)
    repeats: dict[str, list[Figures]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # why an arm has no figures


LOADING = "loading"
Progress = Callable[[str, str], None]  # the arm and what comes next of it


def run(arms: Sequence[str], setting: Setting, plan: Plan, progress: Progress) -> Results:
    """Measure the arms; one that fails is left out of what follows, and of the figures."""
    workload = Workload(setting.shape.vocabulary, plan.lengths)
    results = Results()
    with ExitStack() as stack:
        processes = {}
        for name in arms:
            progress(name, LOADING)
            processes[name] = ArmProcess(name, setting, workload)
            stack.callback(processes[name].close)
            _attempt(results, name, partial(_start, results, processes[name], plan))
        given = _measure(results, processes, plan, progress)
    for name in results.loaded:
        results.repeats[name] = [merged(trees) for trees in given[name]]
    return results


def _start(results: Results, process: ArmProcess, plan: Plan) -> None:
    loaded = process.load()
    process.measure(plan.warm_up)
    results.loaded[process.name] = loaded


def _measure(
    results: Results, processes: dict[str, ArmProcess], plan: Plan, progress: Progress
) -> dict[str, list[list[Figures]]]:
    """For every arm and repeat what its measurements gave."""
    given = {name: [[] for _ in range(plan.seeds)] for name in processes}

    def take(step: Step) -> None:
        figures = processes[step.arm].measure(step.measurement)
        given[step.arm][step.repeat].append(figures)

    for step in plan.steps(list(processes)):
        progress(step.arm, step.measurement.name)
        if step.arm in results.loaded:
            _attempt(results, step.arm, partial(take, step))
    return given


def _attempt(results: Results, name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except ArmFailed as error:
        results.failed[name] = str(error)
        results.loaded.pop(name, None)
