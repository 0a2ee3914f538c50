"""What may be tried instead of a language model, to compare it with."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tqdm import tqdm

from chat.evaluation.labelled import Example
from inference.fallback import resident
from inference.fallback.worker import FallbackFailed
from inference.models import Task

# (examples, the polarity of each of the file's labels) -> a label for each example
Baseline = Callable[[Sequence[Example], Mapping[str, int]], list[str]]

VADER_NEUTRAL = 0.05  # compound scores nearer to 0 are neutral, as VADER's authors advise


class BaselineError(ValueError):
    """The baseline cannot be computed; the message says what it needs."""


def majority(examples: Sequence[Example], polarity: Mapping[str, int]) -> list[str]:
    """The label that is most frequent among these very examples, whatever the text."""
    counts = Counter(example.label for example in examples)
    return [counts.most_common(1)[0][0]] * len(examples)


def vader(examples: Sequence[Example], polarity: Mapping[str, int]) -> list[str]:
    """The mood of English by a lexicon and rules: Hutto & Gilbert 2014, "VADER".

    With a neutral label the authors' thresholds of +-0.05 hold; without one a score above 0 is
    the positive label and any other the negative one.

    Raises:
        BaselineError: the package is missing, or the labels are no moods.
    """
    label_of = {sign: label for label, sign in polarity.items()}
    if len(label_of) < len(polarity) or not {1, -1} <= set(label_of):
        raise BaselineError(
            "--baseline vader reads moods: it needs one label of polarity 1, one of -1 and at "
            f"most one of 0, not {_described(polarity)}."
        )
    score = _vader_score()
    return [label_of[_sign(score(example.text), 0 in label_of)] for example in examples]


def fallback(examples: Sequence[Example], polarity: Mapping[str, int]) -> list[str]:
    """The dedicated classifier that the settings name, asked about every text.

    Raises:
        BaselineError: none is named, it has no answer, or these are labels of another task.
    """
    decider = resident.fallback()
    if decider is None:
        raise BaselineError("--baseline fallback needs INFERENCE_FALLBACK_MODEL, a classifier.")
    resident.check()
    names = Task.objects.get(slug=decider.config.task).current.names
    if not set(polarity) <= set(names):
        task, labels = decider.config.task, ", ".join(names)
        raise BaselineError(f"--baseline fallback decides {task}, whose labels are {labels}.")
    asked = [decider.ask(example.text, names) for example in examples]
    try:
        said = [each.result() for each in tqdm(asked, unit="text", file=sys.stderr)]
    except FallbackFailed as error:
        raise BaselineError(f"--baseline fallback: {error}") from error
    return [max(polarity, key=opinion.probabilities.get) for opinion in said]


BASELINES: dict[str, Baseline] = {"majority": majority, "vader": vader, "fallback": fallback}


def _vader_score() -> Callable[[str], float]:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError as error:
        raise BaselineError(
            "--baseline vader needs an optional package: pip install vaderSentiment"
        ) from error
    analyzer = SentimentIntensityAnalyzer()
    return lambda text: analyzer.polarity_scores(text)["compound"]


def _sign(compound: float, with_neutral: bool) -> int:
    if with_neutral and abs(compound) < VADER_NEUTRAL:
        return 0
    return 1 if compound > 0 else -1


def _described(polarity: Mapping[str, int]) -> str:
    return ", ".join(f"{label} ({sign})" for label, sign in polarity.items())
