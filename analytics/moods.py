"""The mood of one conversation over time: the figures beside its chart, and the chart itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from analytics.lines import Line
from chat import mood
from chat.mood import Shift


@dataclass(frozen=True)
class Moment:
    """One visitor message that has a mood, as the chart and its table show it."""

    number: int  # among them, from 1
    line: Line
    smoothed: float
    strongest: bool

    def point(self) -> dict:
        """A point of the chart, JSON-ready."""
        line, label = self.line, self.line.mood
        return {
            "number": self.number,
            "seq": line.seq,
            "time": timezone.localtime(line.created).strftime("%Y-%m-%d %H:%M"),
            "score": round(line.score, 3),
            "smoothed": round(self.smoothed, 3),
            "other": None if line.other_score is None else round(line.other_score, 3),
            "label": label.name,
            "confidence": round(label.confidence, 3),
            "band": line.band.slug,
            "corrected": label.corrected,
            "strongest": self.strongest,
        }


@dataclass(frozen=True)
class MoodReport:
    """The figures of one conversation; None where there is too little to say. See chat/mood.py."""

    moments: tuple[Moment, ...]
    points: int | None  # -100 to 100
    trend_points: int | None
    trend: str | None
    overall: float | None  # this and the rest from -5 to 5
    quarters: tuple[float, ...] | None
    shift: Shift | None
    with_bot: float | None
    with_agent: float | None

    @property
    def strongest(self) -> tuple[Moment, ...]:
        return tuple(each for each in self.moments if each.strongest)

    @property
    def corrected(self) -> int:
        """How many of the labels a person has corrected."""
        return sum(each.line.mood.corrected for each in self.moments)

    @property
    def has_other(self) -> bool:
        """Whether any message's mood was read both alone and in its conversation."""
        return any(each.line.other_score is not None for each in self.moments)

    def chart(self) -> list[dict]:
        """Points of the chart, oldest first."""
        return [each.point() for each in self.moments]


def report(lines: Sequence[Line]) -> MoodReport:
    """The mood over the lines of one conversation, in order; corrected labels count, not the
    model's.
    """
    shown = [line for line in lines if line.mood and line.score is not None]
    scores = [line.score for line in shown]
    score, trend = mood.conversation_score(scores), mood.conversation_trend(scores)
    with_bot, with_agent = mood.with_bot_and_agent((line.role, line.score) for line in lines)
    return MoodReport(
        moments=_moments(shown, scores),
        points=None if score is None else mood.points(score),
        trend_points=None if trend is None else mood.points(trend),
        trend=None if trend is None else mood.trend_name(trend),
        overall=mood.out_of_five(scores),
        quarters=mood.quarters(scores),
        shift=mood.shift(scores),
        with_bot=with_bot,
        with_agent=with_agent,
    )


def _moments(shown: Sequence[Line], scores: Sequence[float]) -> tuple[Moment, ...]:
    strongest = mood.strongest(scores)
    together = zip(shown, mood.smoothed(scores), strict=True)
    return tuple(
        Moment(i + 1, line, smoothed, i in strongest) for i, (line, smoothed) in enumerate(together)
    )
