"""A conversation's mood in the space of a word: points of a small SVG, and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.mood import band

WIDTH, HEIGHT, MARGIN = 120, 32, 4
MOST_POINTS = 60  # more would touch each other


@dataclass(frozen=True)
class Sparkline:
    """`points` for a polyline in a WIDTH x HEIGHT box, its last point, and a text alternative."""

    points: str
    x: float
    y: float
    slug: str  # of the last score's band
    words: str
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def middle(self) -> float:
        return HEIGHT / 2


def draw(scores: Sequence[float]) -> Sparkline | None:
    """A sparkline of scores in [-1, 1], oldest first, up is positive; None without scores."""
    if not scores:
        return None
    shown = _thinned(scores)
    places = [_place(i, score, len(shown)) for i, score in enumerate(shown)]
    if len(places) == 1:  # one message is a level line, since a dot alone reads as dirt
        places = [(MARGIN, places[0][1]), (WIDTH - MARGIN, places[0][1])]
    x, y = places[-1]
    points = " ".join(f"{x:g},{y:g}" for x, y in places)
    return Sparkline(points, x, y, band(scores[-1]).slug, words(scores))


def words(scores: Sequence[float]) -> str:
    """The same trend for people who do not see it."""
    last = band(scores[-1]).name.lower()
    if len(scores) == 1:
        return f"1 message: {last}"
    first = band(scores[0]).name.lower()
    return f"{len(scores)} messages: from {first} to {last}, lowest {min(scores):+.2f}"


def _thinned(scores: Sequence[float]) -> list[float]:
    """At most MOST_POINTS of them, evenly spread, the last one always."""
    if len(scores) <= MOST_POINTS:
        return list(scores)
    step = (len(scores) - 1) / (MOST_POINTS - 1)
    return [scores[round(i * step)] for i in range(MOST_POINTS)]


def _place(index: int, score: float, count: int) -> tuple[float, float]:
    across = index / (count - 1) if count > 1 else 1.0
    x = MARGIN + across * (WIDTH - 2 * MARGIN)
    y = HEIGHT / 2 - score * (HEIGHT / 2 - MARGIN)
    return round(x, 1), round(y, 1)
