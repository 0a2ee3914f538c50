"""Figures that compare what a model said with what is true. Pure; shares from 0 to 1, mostly."""

import math
from collections.abc import Sequence

Confusion = dict[str, dict[str, int]]  # true label -> said label -> how often

BINS = 10
LEAST_PROBABILITY = 1e-12  # what a true label counts with that was held impossible


def accuracy(truth: Sequence[str], said: Sequence[str]) -> float:
    """Share of the labels that are right; the sequences are equally long and not empty."""
    return sum(map(str.__eq__, truth, said)) / len(truth)


def confusion(truth: Sequence[str], said: Sequence[str], labels: Sequence[str]) -> Confusion:
    """How often each true label (outer key) was given each label (inner key), zeros included."""
    counts = {true: dict.fromkeys(labels, 0) for true in labels}
    for true, given in zip(truth, said, strict=True):
        counts[true][given] += 1
    return counts


def macro_f1(counts: Confusion) -> float:
    """Mean over the labels of F1 = 2 TP / (2 TP + FP + FN); 0 for a label never right.

    Every label weighs the same, however rare: Sokolova & Lapalme 2009, "A systematic analysis of
    performance measures for classification tasks", averaged over F1 as scikit-learn does. A label
    that is neither true nor said of anything has no F1 and is left out, as there.
    """
    seen = [label for label in counts if _occurs(counts, label)]
    return sum(_f1(counts, label) for label in seen) / len(seen)


def _occurs(counts: Confusion, label: str) -> bool:
    return any(counts[label].values()) or any(row[label] for row in counts.values())


def _f1(counts: Confusion, label: str) -> float:
    right = counts[label][label]
    is_label = sum(counts[label].values())
    said_label = sum(row[label] for row in counts.values())
    return 2 * right / (is_label + said_label) if right else 0.0


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> float:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by their size.

    ECE = sum over bins of |bin| / n * |accuracy(bin) - mean confidence(bin)|; Naeini et al. 2015,
    "Obtaining Well Calibrated Probabilities Using Bayesian Binning", and Guo et al. 2017, "On
    Calibration of Modern Neural Networks". A confidence on an edge counts in the bin above it.

    Args:
        confidences: probability of the label that was said, 0 to 1; not empty.
        right: whether that label is the true one, in the same order.
    """
    gaps = [0.0] * bins
    for confidence, hit in zip(confidences, right, strict=True):
        gaps[min(int(confidence * bins), bins - 1)] += hit - confidence
    return sum(map(abs, gaps)) / len(confidences)


def log_likelihood(probabilities: Sequence[float]) -> float:
    """Mean of ln P(true label), in nats: 0 at best. A proper score, unlike the error above."""
    return sum(math.log(max(each, LEAST_PROBABILITY)) for each in probabilities) / len(
        probabilities
    )
