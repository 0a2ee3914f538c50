"""Mood as numbers: pure functions, formulas with their sources."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TREND_FROM = 6  # visitor messages; Genesys shows a trend from six on


@dataclass(frozen=True)
class Band:
    """A range of scores with a name. A cut belongs to the milder side: +-0.2 are still neutral,
    so that praise and blame mirror each other.
    """

    slug: str
    name: str
    low: float
    high: float

    def holds(self, score: float) -> bool:
        if self.low > 0:
            return self.low < score <= self.high
        if self.high < 0:
            return self.low <= score < self.high
        return self.low <= score <= self.high


# Source of the cuts at +-0.2 and +-0.6: Vonage Contact Center, conversation sentiment colours.
BANDS = (
    Band("very-negative", "Very negative", -1.0, -0.6),
    Band("negative", "Negative", -0.6, -0.2),
    Band("neutral", "Neutral", -0.2, 0.2),
    Band("positive", "Positive", 0.2, 0.6),
    Band("very-positive", "Very positive", 0.6, 1.0),
)

STEADY, STRONG = 0.2, 0.55  # where a trend begins to show, and where it is more than slight


def message_score(probabilities: Mapping[str, float], polarity: Mapping[str, int]) -> float:
    """Sum of P(label) x polarity, in [-1, 1]."""
    score = sum(share * polarity[label] for label, share in probabilities.items())
    return max(-1.0, min(1.0, score))  # rounding may carry a sure label just past the end


def conversation_score(scores: Sequence[float]) -> float | None:
    """tanh(0.75 * sum(s_i * i / n)) over message scores i = 1..n, in (-1, 1); None without any.

    Source: Genesys Cloud, "customer sentiment score" (there times 100): later messages count more.
    """
    if not scores:
        return None
    n = len(scores)
    return math.tanh(0.75 * sum(score * i / n for i, score in enumerate(scores, start=1)))


def conversation_trend(scores: Sequence[float]) -> float | None:
    """(score of the last half - score of the first half) / 2, in (-1, 1); None below six messages.

    Source: Genesys Cloud, "sentiment trend".
    """
    if len(scores) < TREND_FROM:
        return None
    half = len(scores) // 2
    return (conversation_score(scores[-half:]) - conversation_score(scores[:half])) / 2


def band(score: float) -> Band:
    """The band of a score.

    Raises:
        ValueError: the score is not in [-1, 1].
    """
    for each in BANDS:
        if each.holds(score):
            return each
    raise ValueError(f"A score lies in [-1, 1], not at {score!r}.")


def trend_name(trend: float) -> str:
    """A trend in words: steady up to 0.2 either way, slight up to 0.55.

    Source of the cuts, there times 100: Genesys Cloud, "sentiment trend".
    """
    if abs(trend) <= STEADY:
        return "Steady"
    direction = "improving" if trend > 0 else "declining"
    return direction.capitalize() if abs(trend) > STRONG else f"Slightly {direction}"
