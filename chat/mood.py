"""Mood as numbers: pure functions, formulas with their sources.

Scores run from -1 (negative) to 1 (positive) everywhere; a page may write them as the field does,
in points from -100 to 100 (Genesys) or from -5 to 5 (Amazon).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

TREND_FROM = 6  # visitor messages; Genesys shows a trend from six on
QUARTERS = 4
SMOOTHING = 0.3  # weight of the newest message; 0.2 to 0.3 is usual for such averages
MOST_MOMENTS = 3


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

    Later messages count more. Source: Genesys Cloud, "How is the customer sentiment score
    calculated?" (there times 100, and with -1 and +1 for s_i).
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


def points(score: float) -> int:
    """A conversation's score or trend in whole points from -100 to 100, as Genesys writes them."""
    return round(100 * score)


def smoothed(scores: Sequence[float]) -> tuple[float, ...]:
    """The line behind the points: e_1 = s_1, then e_i = 0.3 * s_i + 0.7 * e_(i-1), in [-1, 1].

    It looks back only, so that a later message never redraws what was shown before. Source:
    S. W. Roberts, "Control Chart Tests Based on Geometric Moving Averages", Technometrics 1959.
    """
    line: list[float] = []
    for score in scores:
        line.append(SMOOTHING * score + (1 - SMOOTHING) * line[-1] if line else score)
    return tuple(line)


def out_of_five(scores: Sequence[float]) -> float | None:
    """The mean of message scores, from -5 to 5; None without any.

    Source of the scale: Amazon Connect Contact Lens, "sentiment scores". Amazon also weighs how
    often and how close together good and bad turns come, and does not say how.
    """
    return 5 * fmean(scores) if scores else None


def quarters(scores: Sequence[float]) -> tuple[float, ...] | None:
    """`out_of_five` of each quarter of the visitor's messages; None below four messages.

    Message i of n (from 0) is in quarter floor(4 * i / n), so every quarter has one at least.
    Source: Amazon Connect Contact Lens, sentiment by quarters of a contact. They are quarters of
    the messages, not of the time: people leave a chat open and return days later.
    """
    n = len(scores)
    if n < QUARTERS:
        return None
    parts = groupby(range(n), key=lambda i: QUARTERS * i // n)
    return tuple(out_of_five([scores[i] for i in part]) for _, part in parts)


@dataclass(frozen=True)
class Shift:
    """From the first to the last quarter of a conversation, each from -5 to 5.

    Source: Amazon Connect Contact Lens, "sentiment shift".
    """

    begin: float
    end: float

    @property
    def change(self) -> float:
        """From -10 (all lost) to 10 (all won)."""
        return self.end - self.begin


def shift(scores: Sequence[float]) -> Shift | None:
    """The shift from begin to end; None below four messages."""
    parts = quarters(scores)
    return Shift(parts[0], parts[-1]) if parts else None


def with_bot_and_agent(
    turns: Iterable[tuple[str, float | None]],
) -> tuple[float | None, float | None]:
    """`out_of_five` of what a visitor said to the assistant, and of what they said to a person.

    Args:
        turns: role (visitor, assistant, agent, system) and score of every message, in order. A
            visitor talks to whoever spoke last before, and to the assistant at the beginning.

    Source: Amazon Connect Contact Lens, customer sentiment with the bot and with the agent.
    """
    heard: dict[str, list[float]] = {"assistant": [], "agent": []}
    partner = "assistant"
    for role, score in turns:
        if role in heard:
            partner = role
        elif role == "visitor" and score is not None:
            heard[partner].append(score)
    return out_of_five(heard["assistant"]), out_of_five(heard["agent"])


def strongest(scores: Sequence[float]) -> tuple[int, ...]:
    """Indices of at most three messages that are furthest from 0 and not neutral, in order.

    Of equally strong ones the later counts. Source: Google Cloud, magnitude of sentiment, of which
    only the strongest moments are marked on a timeline.
    """
    moved = [i for i, score in enumerate(scores) if abs(score) > STEADY]
    moved.sort(key=lambda i: (abs(scores[i]), i), reverse=True)
    return tuple(sorted(moved[:MOST_MOMENTS]))


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
