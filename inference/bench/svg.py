"""Bar charts as SVG, without a library: readable in a browser, in a README and in print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

COLOURS = ("#1b6ca8", "#b5541c", "#5b7f2b", "#7a4fa3")  # apart for most colour-blind people too
INK, GRID, PAPER = "#222222", "#dddddd", "#ffffff"
WIDTH, HEIGHT = 640, 300  # of one chart
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 56, 40
TICKS = 4


@dataclass(frozen=True)
class Chart:
    """Groups of bars side by side: one group a key of a series, one colour a series."""

    title: str
    unit: str
    groups: Sequence[str]
    series: Mapping[str, Sequence[float]]  # a value for every group

    @property
    def top(self) -> float:
        """Where the axis ends: the next 1, 2 or 5 times a power of ten that covers all bars."""
        most = max((value for values in self.series.values() for value in values), default=0) or 1
        power = 10.0 ** floor(log10(most))
        return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def document(charts: Sequence[Chart]) -> str:
    """One SVG document with the charts below each other.

    Raises:
        ValueError: a series has not a value for every group.
    """
    drawn = (
        f'<g transform="translate(0 {number * HEIGHT})">{_chart(chart)}</g>'
        for number, chart in enumerate(charts)
    )
    size = f'width="{WIDTH}" height="{HEIGHT * len(charts)}"'
    box = f'viewBox="0 0 {WIDTH} {HEIGHT * len(charts)}"'
    label = escape("; ".join(chart.title for chart in charts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-label="{label}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>{"".join(drawn)}</svg>\n'
    )


def _chart(chart: Chart) -> str:
    heading = _text(LEFT, 20, chart.title, 'font-weight="bold" font-size="14"')
    unit = _text(LEFT - 8, TOP - 8, chart.unit, 'text-anchor="end"')
    return heading + unit + _legend(chart) + _axis(chart) + _bars(chart)


def _legend(chart: Chart) -> str:
    drawn, x = [], LEFT
    for name, colour in zip(chart.series, COLOURS, strict=False):
        drawn.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>')
        drawn.append(_text(x + 14, 37, name))
        x += 34 + 7 * len(name)
    return "".join(drawn)


def _axis(chart: Chart) -> str:
    drawn = []
    for tick in range(TICKS + 1):
        value = chart.top * tick / TICKS
        y = _y(chart, value)
        line = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"'
        drawn.append(f'<line {line} stroke="{GRID if tick else INK}"/>')
        drawn.append(_text(LEFT - 8, y + 4, f"{value:g}", 'text-anchor="end"'))
    return "".join(drawn)


def _bars(chart: Chart) -> str:
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(chart.groups))
    bar = 0.8 * slot / max(1, len(chart.series))
    drawn = []
    for place, (values, colour) in enumerate(zip(chart.series.values(), COLOURS, strict=False)):
        for group, value in zip(range(len(chart.groups)), values, strict=True):
            x = LEFT + group * slot + 0.1 * slot + place * bar
            drawn.append(_bar(chart, x, bar, value, colour))
    for group, name in enumerate(chart.groups):
        middle = LEFT + (group + 0.5) * slot
        drawn.append(_text(middle, HEIGHT - BOTTOM + 18, name, 'text-anchor="middle"'))
    return "".join(drawn)


def _bar(chart: Chart, x: float, width: float, value: float, colour: str) -> str:
    y = _y(chart, value)
    size = f'width="{width - 2:.1f}" height="{HEIGHT - BOTTOM - y:.1f}"'
    number = _text(x + width / 2, y - 4, _short(value), 'text-anchor="middle" font-size="10"')
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>{number}'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _y(chart: Chart, value: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / chart.top, 1)


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'
