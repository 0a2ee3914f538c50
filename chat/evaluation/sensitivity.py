"""How much a version's labels depend on how it is asked, though nothing asked has changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chat.evaluation.judgement import Judgement, judge
from chat.evaluation.labelled import Example
from chat.evaluation.metrics import accuracy as share_alike
from chat.evaluation.predictions import predict
from chat.evaluation.variants import Variant, variants
from chat.labels import TaskRun
from inference import calibration
from inference.models import TaskVersion
from inference.tasks import Affine

DIGITS = 4

Progress = Callable[[int], object]  # so many more texts are read


@dataclass(frozen=True)
class Reading:
    """What was said of every example, in their order, and how good that is."""

    said: tuple[str, ...]
    judged: Judgement


@dataclass(frozen=True)
class Varied:
    """A variant's reading; `agreement` is the share of labels that the unchanged version gave."""

    variant: Variant
    reading: Reading
    agreement: float


@dataclass(frozen=True)
class Sensitivity:
    """Shares from 0 to 1. A spread is the best figure less the worst, the unchanged one included.

    `agreement` is the lowest of a variant; `flipped` the share of examples whose label differs
    from the unchanged version's under at least one variant.
    """

    n: int
    unchanged: Reading
    varied: tuple[Varied, ...]

    @property
    def accuracy_spread(self) -> float:
        return _spread([each.accuracy for each in self._judged])

    @property
    def macro_f1_spread(self) -> float:
        return _spread([each.macro_f1 for each in self._judged])

    @property
    def agreement(self) -> float:
        return min(each.agreement for each in self.varied)

    @property
    def flipped(self) -> float:
        rows = zip(self.unchanged.said, *(each.reading.said for each in self.varied), strict=True)
        return sum(len(set(row)) > 1 for row in rows) / self.n

    @property
    def kinds(self) -> "dict[str, Sensitivity]":
        """The same for the variants of each kind alone."""
        names = dict.fromkeys(each.variant.kind for each in self.varied)
        return {
            name: Sensitivity(
                self.n,
                self.unchanged,
                tuple(each for each in self.varied if each.variant.kind == name),
            )
            for name in names
        }

    @property
    def _judged(self) -> list[Judgement]:
        return [self.unchanged.judged, *(each.reading.judged for each in self.varied)]


def texts_to_read(version: TaskVersion, examples: Sequence[Example]) -> int:
    """How often the engine will be asked."""
    return (1 + len(variants(version))) * len(examples)


def measure(
    engine, run: TaskRun, examples: Sequence[Example], labels: Sequence[str], progress: Progress
) -> Sensitivity:
    """Read the examples as the version is, then under every variant of it.

    The version's own calibration holds for all of them, so that only the words differ.

    Raises:
        EngineRefusal, TimeoutError, RuntimeError: as `predict`.
    """
    affine = calibration.for_version(engine, run.version).affine

    def read(prompt: str, shown: Sequence[Example]) -> Reading:
        return _reading(engine, _reworded(run, prompt), shown, labels, affine, progress)

    unchanged = read(run.version.prompt, examples)
    varied = []
    for variant in variants(run.version):
        reading = read(variant.prompt, [variant.of(each) for each in examples])
        varied.append(Varied(variant, reading, share_alike(unchanged.said, reading.said)))
    return Sensitivity(len(examples), unchanged, tuple(varied))


def figures(found: Sensitivity) -> dict[str, float]:
    """The spreads and shares, by name, as a VersionSensitivity stores them."""
    names = ("accuracy_spread", "macro_f1_spread", "agreement", "flipped")
    return {name: round(getattr(found, name), DIGITS) for name in names}


def report(found: Sensitivity) -> dict:
    """The unchanged version's figures, the spreads over all variants, and those by kind."""
    judged = found.unchanged.judged
    return {
        "n": found.n,
        "accuracy": round(judged.accuracy, DIGITS),
        "macro_f1": round(judged.macro_f1, DIGITS),
        "variants": len(found.varied),
        **figures(found),
        "kinds": {
            name: {"variants": len(each.varied), **figures(each)}
            for name, each in found.kinds.items()
        },
    }


def _reworded(run: TaskRun, prompt: str) -> TaskRun:
    """The task with another prompt; a version that is stored nowhere."""
    version = run.version
    kept = {name: getattr(version, name) for name in ("labels", "context", "reasoning")}
    return TaskRun(run.task, TaskVersion(prompt=prompt, **kept))


def _reading(
    engine,
    run: TaskRun,
    examples: Sequence[Example],
    labels: Sequence[str],
    affine: Affine,
    progress: Progress,
) -> Reading:
    found: list[Mapping[str, float]] = []
    for each in predict(engine, run, examples, labels, affine):
        found.append(each)
        progress(1)
    said = tuple(max(each, key=each.get) for each in found)
    return Reading(said, judge(examples, found, labels))


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)
