"""A version's confidences, fitted anew on messages whose label people know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chat.evaluation import metrics
from chat.evaluation.labelled import TooFewExamples
from inference import fitting
from inference.calibration import probabilities
from inference.tasks import Affine

LEAST = 50  # messages
LEAST_EACH = fitting.FOLDS  # messages of each label: one for every fold


@dataclass(frozen=True)
class Quality:
    """How good confidences are. `log_likelihood`: mean of ln P(true label), in nats, at most 0."""

    accuracy: float
    log_likelihood: float
    ece: float


@dataclass(frozen=True)
class Refit:
    """New parameters, and figures on messages that the figures' parameters were not fitted on."""

    affine: Affine
    before: Quality
    after: Quality

    @property
    def better(self) -> bool:
        return self.after.log_likelihood > self.before.log_likelihood


def check(truth: Sequence[str], names: Sequence[str]) -> None:
    """Refuse now what could not be fitted on after the work is done.

    Raises:
        TooFewExamples: fewer than `LEAST` messages, or than `LEAST_EACH` of a label.
    """
    counts = Counter(truth)
    if len(truth) >= LEAST and all(counts[name] >= LEAST_EACH for name in names):
        return
    there_are = ", ".join(f"{name} {counts[name]}" for name in names)
    raise TooFewExamples(
        f"Recalibrating needs {LEAST} messages and {LEAST_EACH} of each label; "
        f"there are {len(truth)}: {there_are}."
    )


def refit(scores: Sequence[Mapping[str, float]], truth: Sequence[str], present: Affine) -> Refit:
    """Fit on all messages; the figures after it come from cross-validation.

    Args:
        scores: label log-probabilities of each message, of all labels.
    """
    return Refit(
        fitting.fit(scores, truth, present),
        before=_quality([probabilities(each, present) for each in scores], truth),
        after=_quality(fitting.held_out(scores, truth, present), truth),
    )


def _quality(found: Sequence[Mapping[str, float]], truth: Sequence[str]) -> Quality:
    said = [max(each, key=each.get) for each in found]
    right = [label == true for label, true in zip(said, truth, strict=True)]
    confidences = [max(each.values()) for each in found]
    return Quality(
        accuracy=metrics.accuracy(truth, said),
        log_likelihood=metrics.log_likelihood(
            [each[true] for each, true in zip(found, truth, strict=True)]
        ),
        ece=metrics.expected_calibration_error(confidences, right),
    )
