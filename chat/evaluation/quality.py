"""How well versions of a task read the reviewed messages, kept with them, and compared."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from chat import trial
from chat.evaluation import reviewed
from chat.evaluation.judgement import Judgement, judge, spread
from chat.evaluation.labelled import Example, TooFewExamples
from chat.evaluation.predictions import predict
from chat.labels import TaskRun
from inference import calibration, resident
from inference.errors import EngineRefusal
from inference.models import TaskVersion, VersionQuality
from inference.tasks import Affine

DIGITS = 4
MOST = 200  # messages that a page measures on, spread evenly over all
SECONDS = 30  # that a page waits; a proxy may give up soon after
BESIDE_VISITORS = 8  # messages given to the engine at a time


@dataclass(frozen=True)
class Figures:
    """Shares from 0 to 1, on which messages (`test_set`), by which model, with how many examples.

    Plain values, so that they can be signed and sent to a page.
    """

    model_id: str
    n: int
    test_set: str
    examples: int
    accuracy: float
    macro_f1: float
    ece: float

    def is_worse_than(self, other: "Figures") -> bool:
        """By macro-F1, which no frequent label can carry; by accuracy where that is the same."""
        return (self.macro_f1, self.accuracy) < (other.macro_f1, other.accuracy)


@dataclass(frozen=True)
class Comparison:
    """A version that may become the current one, and the one that is, on the same messages."""

    candidate: Figures
    current: Figures

    @property
    def is_worse(self) -> bool:
        return self.candidate.is_worse_than(self.current)


def figures(run: TaskRun, examples: Sequence[Example], judged: Judgement, model_id: str) -> Figures:
    """What is kept of a judgement."""
    return Figures(
        model_id=model_id,
        n=judged.n,
        test_set=_name(examples),
        examples=run.task.examples if _shows(run) else 0,
        accuracy=round(judged.accuracy, DIGITS),
        macro_f1=round(judged.macro_f1, DIGITS),
        ece=round(judged.ece, DIGITS),
    )


def keep(version: TaskVersion, found: Figures) -> VersionQuality:
    """Store what was measured of a version."""
    return VersionQuality.objects.create(version=version, **vars(found))


def measure(run: TaskRun) -> Figures:
    """Let the resident engine read at most `MOST` reviewed messages with a version, and keep it.

    Synchronous, with ORM calls; outside of a transaction, which would be open for seconds.

    Raises:
        Unavailable: there are too few reviews, or the model takes no work now, or it is too slow.
    """
    deadline = time.monotonic() + SECONDS
    with _told():
        examples = spread(reviewed.read(run.version).examples, MOST)
        found = _read(run, examples, deadline)
    keep(run.version, found)
    return found


def compare(candidate: TaskRun, current: TaskRun) -> Comparison:
    """Both on the reviewed messages whose label both have; what is known of the current one counts.

    The candidate may be a draft that is not stored. Synchronous, as `measure`.

    Raises:
        Unavailable: as `measure`.
    """
    deadline = time.monotonic() + SECONDS
    with _told():
        examples = spread(_common(candidate.version, current.version), MOST)
        known = _known(current, examples)
        before = known or _read(current, examples, deadline)
        after = _read(candidate, examples, deadline)
    if not known:
        keep(current.version, before)
    return Comparison(after, before)


@contextmanager
def _told() -> Iterator[None]:
    """Whatever a person can mend becomes one Unavailable."""
    try:
        yield
    except TooFewExamples as error:
        raise trial.Unavailable(str(error).removeprefix("--reviews: ")) from error
    except TimeoutError as error:
        raise trial.Unavailable(
            f"The model needs more than {SECONDS} s for that many messages. "
            "Measure with manage.py evaluate --reviews."
        ) from error
    except (EngineRefusal, RuntimeError) as error:
        raise trial.Unavailable(str(error)) from error


def _common(candidate: TaskVersion, current: TaskVersion) -> Sequence[Example]:
    found = reviewed.read(candidate).examples
    common = [example for example in found if example.label in current.names]
    reviewed.require(current.task.slug, common)
    return common


def _known(run: TaskRun, examples: Sequence[Example]) -> Figures | None:
    true = VersionQuality.objects.still_true()
    row = true.filter(
        version=run.version,
        model_id=resident.engine().model_id or "",
        test_set=_name(examples),
        examples=run.task.examples if _shows(run) else 0,
    ).last()
    return row and Figures(**{name: getattr(row, name) for name in Figures.__annotations__})


def _read(run: TaskRun, examples: Sequence[Example], deadline: float) -> Figures:
    engine = resident.start()
    trial.require_ready(engine)
    names, affine = run.version.names, _affine(engine, run.version, deadline)
    predictions = predict(engine, run, examples, names, affine, BESIDE_VISITORS, deadline)
    judged = judge(examples, predictions, names)
    return figures(run, examples, judged, engine.model_id)


def _affine(engine, version: TaskVersion, deadline: float) -> Affine:
    seconds = max(0.0, deadline - time.monotonic())
    if version.pk:
        return calibration.for_version(engine, version, seconds).affine
    return calibration.measure(engine, version, seconds)[0]


def _shows(run: TaskRun) -> bool:
    alone = run.version.context == TaskVersion.Context.MESSAGE
    return run.task.few_shot and alone


def _name(examples: Sequence[Example]) -> str:
    """The same for the same messages with the same labels."""
    rows = repr([(example.row, example.label) for example in examples])
    return hashlib.sha256(rows.encode()).hexdigest()
