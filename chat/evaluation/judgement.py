"""One model or baseline, judged on one labelled file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chat.evaluation import metrics
from chat.evaluation.labelled import Example


@dataclass(frozen=True)
class Judgement:
    """Shares from 0 to 1; `ece` is None for what gives labels without a confidence."""

    n: int
    accuracy: float
    macro_f1: float
    confusion: metrics.Confusion
    ece: float | None = None


def judge(
    examples: Sequence[Example],
    probabilities: Iterable[Mapping[str, float]],
    labels: Sequence[str],
) -> Judgement:
    """Judge probabilities, in the order of the examples; the likeliest label is what was said."""
    said, confidences = [], []
    for each in probabilities:
        said.append(max(each, key=each.get))
        confidences.append(each[said[-1]])
    judged = judge_labels(examples, said, labels)
    right = [label == example.label for label, example in zip(said, examples, strict=True)]
    return replace(judged, ece=metrics.expected_calibration_error(confidences, right))


def judge_labels(
    examples: Sequence[Example], said: Sequence[str], labels: Sequence[str]
) -> Judgement:
    """Judge labels that come without a confidence; macro-F1 is over all of `labels`."""
    truth = [example.label for example in examples]
    counts = metrics.confusion(truth, said, labels)
    return Judgement(len(truth), metrics.accuracy(truth, said), metrics.macro_f1(counts), counts)


def spread(examples: Sequence[Example], limit: int | None) -> Sequence[Example]:
    """At most `limit` examples, evenly from the whole file: many files are sorted by label."""
    if limit is None or limit >= len(examples):
        return examples
    return [examples[number * len(examples) // limit] for number in range(limit)]
