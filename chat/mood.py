"""Mood as numbers: pure functions, formulas with their sources."""

import math
from collections.abc import Mapping, Sequence

TREND_FROM = 6  # visitor messages; Genesys shows a trend from six on


def message_score(probabilities: Mapping[str, float], polarity: Mapping[str, int]) -> float:
    """Sum of P(label) x polarity, in [-1, 1]."""
    return sum(share * polarity[label] for label, share in probabilities.items())


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
