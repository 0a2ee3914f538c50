"""When a rule raises an alert: pure, on what a visitor has said so far."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chat import mood
from chat.models.alert import AlertRule


@dataclass(frozen=True)
class Said:
    """A visitor message: its score, -1 to 1, and the probability that its label is negative."""

    score: float
    negative: float


def reason(rule: AlertRule, said: Sequence[Said], before: Sequence[Said]) -> str | None:
    """Why the rule raises an alert at the last of these messages, in words; None if it does not.

    One message raises it whenever it is negative enough. The other two raise it when they become
    true, not at every message while they stay so: an alert that repeats itself is not read.

    Args:
        before: what was known until now: without the last message, or with another label of one.
    """
    match rule.kind:
        case AlertRule.Kind.MESSAGE:
            last = said[-1].negative
            return f"{last:.0%} negative" if last >= rule.threshold else None
        case AlertRule.Kind.REPEATED:
            if _becomes_true(lambda each: negative_count(each, rule.n) >= rule.k, said, before):
                return f"{rule.k} of the last {rule.n} messages are negative"
        case AlertRule.Kind.SHIFT:
            if _becomes_true(lambda each: fallen(each) >= rule.points, said, before):
                return f"The mood has fallen by {fallen(said)} points"
    return None


def negative_count(said: Sequence[Said], n: int) -> int:
    """How many of the last n messages are in a negative band."""
    return sum(each.score < -mood.STEADY for each in said[-n:])


def fallen(said: Sequence[Said]) -> int:
    """How many points the trend has fallen (see `mood.conversation_trend`); 0 without a trend."""
    trend = mood.conversation_trend([each.score for each in said])
    return max(0, -mood.points(trend)) if trend is not None else 0


def _becomes_true(
    holds: Callable[[Sequence[Said]], bool], said: Sequence[Said], before: Sequence[Said]
) -> bool:
    return holds(said) and not holds(before)
