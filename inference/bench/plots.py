"""Which of a run's figures are drawn."""

from collections.abc import Mapping

from inference.bench.svg import Chart, document

DRAWN = (
    ("turns_per_s", "Turns a second", "turns/s", "{} at once"),
    ("decode_tok_s", "Decoded tokens a second", "tokens/s", "{} at once"),
)
PERCENTILE = "p95"
LATENCIES = (
    ("ttft_ms", "First token, 95 % are faster"),
    ("label_ms", "Label, 95 % are faster"),
)


def svg(figures: Mapping) -> str:
    """The charts of a summary as one SVG document."""
    arms = figures["arms"]
    speeds = [_chart(arms, *drawn) for drawn in DRAWN]
    latencies = [
        _chart(
            {name: {figure: _of_percentile(arm[figure])} for name, arm in arms.items()},
            figure,
            title,
            "ms",
            "{} at once",
        )
        for figure, title in LATENCIES
    ]
    return document([*speeds, *latencies])


def _chart(arms: Mapping, figure: str, title: str, unit: str, group: str) -> Chart:
    counts = list(next(iter(arms.values()))[figure])
    series = {name: [arm[figure][count] for count in counts] for name, arm in arms.items()}
    return Chart(title, unit, [group.format(count) for count in counts], series)


def _of_percentile(by_count: Mapping) -> dict[str, float]:
    return {count: shares[PERCENTILE] for count, shares in by_count.items()}
