"""One model or baseline, judged on one labelled file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chat.evaluation import metrics
from chat.evaluation.labelled import Example


@dataclass(frozen=True)
class Mistake:
    """An example that was read wrongly: the label said of it, and how surely (0 to 1)."""

    example: Example
    said: str
    confidence: float


@dataclass(frozen=True)
class Judgement:
    """Shares from 0 to 1, and what was wrong, the surest mistake first.

    For labels that come without a confidence `ece` is None and no mistake is listed.
    """

    n: int
    accuracy: float
    macro_f1: float
    confusion: metrics.Confusion
    ece: float | None = None
    mistakes: tuple[Mistake, ...] = ()


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
    return replace(
        judged,
        ece=metrics.expected_calibration_error(confidences, right),
        mistakes=_mistakes(examples, said, confidences),
    )


def _mistakes(
    examples: Sequence[Example], said: Sequence[str], confidences: Sequence[float]
) -> tuple[Mistake, ...]:
    answers = map(Mistake, examples, said, confidences)
    wrong = [each for each in answers if each.said != each.example.label]
    return tuple(sorted(wrong, key=lambda each: each.confidence, reverse=True))


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
