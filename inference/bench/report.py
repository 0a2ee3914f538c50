"""The figures as a person reads them: a column for every arm, then our own figures."""

from collections.abc import Iterator, Mapping

from inference.bench import comparison

WIDTH = 12
NONE = "-"

# What a row is called, the figure in the summary, its format, and the percentiles it has.
ROWS = (
    ("turns/s, {} at once", "turns_per_s", ".3g", ()),
    ("first token ms, {} at once", "ttft_ms", ",.0f", ("p50", "p95")),
    ("ms a token, {} at once", "tpot_ms", ",.1f", ("p50",)),
    ("label ms, {} at once", "label_ms", ",.0f", ("p50", "p95", "p99")),
    ("unanswered, {} at once", "unanswered", ".0f", ()),
    ("decode tokens/s, {} at once", "decode_tok_s", ",.3g", ()),
)
SINGLE = (
    ("prefill tokens/s", "prefill_tok_s", ",.3g"),
    ("a label alone, ms", "label_ms_1", ",.0f"),
    ("load, s", "load_s", ".1f"),
    ("memory at work, GB", "rss_gb", ".2f"),
    ("its peak while loading, GB", "peak_rss_gb", ".2f"),
    ("weights", "dtype", ""),
)
RATIOS = ("turns_per_s", "decode_tok_s", "prefill_tok_s", "label_ms_1")


def page(figures: Mapping) -> str:
    """The summary as text, without a line end."""
    table = comparison.lines(figures["comparison"])
    return "\n".join(
        [*_head(figures), "", *_table(figures), *_ours(figures), *table, *_missing(figures)]
    )


def _head(figures: Mapping) -> Iterator[str]:
    threads = f"{figures['cores']} thread{'s' * (figures['cores'] > 1)}"
    speed = figures["bandwidth_gb_s"]
    yield f"{figures['shape']}: {figures['parameters'] / 1e6:,.3g} M parameters, {threads}"
    yield f"memory: {speed['read']:.3g} GB/s read, {speed['copy']:.3g} GB/s copied"
    repeats = f"median of {figures['seeds']} repeats" if figures["seeds"] > 1 else "one repeat"
    yield f"{repeats}, {figures['turns']} turns a conversation"


def _table(figures: Mapping) -> Iterator[str]:
    arms = figures["arms"]
    rows = list(_rows(arms))
    first = max(len(name) for name, _ in rows) + 2
    yield " " * first + "".join(name.rjust(WIDTH) for name in arms)
    for name, cells in rows:
        yield name.ljust(first) + "".join(cell.rjust(WIDTH) for cell in cells)
    if figures["ratios"]:
        yield ""
        yield "ours divided by the other's of the same repeat"
        for name, cells in _ratio_rows(figures["ratios"], arms):
            yield name.ljust(first) + "".join(cell.rjust(WIDTH) for cell in cells)


def _rows(arms: Mapping) -> Iterator[tuple[str, list[str]]]:
    one = next(iter(arms.values()))
    for title, figure, style, shares in ROWS:
        for count in one[figure]:
            for share in shares or (None,):
                path = (figure, count, share) if share else (figure, count)
                name = title.format(count) + (f", {share}" if share else "")
                yield name, [_cell(arm, path, style) for arm in arms.values()]
    for title, figure, style in SINGLE:
        yield title, [_cell(arm, (figure,), style) for arm in arms.values()]


def _ratio_rows(ratios: Mapping, arms: Mapping) -> Iterator[tuple[str, list[str]]]:
    for figure in RATIOS:
        one = next(iter(ratios.values())).get(figure)
        paths = [(figure, count) for count in one] if isinstance(one, Mapping) else [(figure,)]
        for path in paths:
            yield " ".join(path), [_cell(ratios.get(name, {}), path, ".3g") for name in arms]


def _cell(tree: Mapping, path: tuple[str, ...], style: str) -> str:
    value = tree
    for key in path:
        if key not in value:
            return NONE
        value = value[key]
    return format(value, style)


def _ours(figures: Mapping) -> Iterator[str]:
    if figures["dtype"] is None:
        return
    yield ""
    if figures["bandwidth_fraction"] is not None:
        yield f"of the memory's speed, one stream reaches {figures['bandwidth_fraction']:.0%}"
    yield f"first token of turn 10 against turn 1: {figures['ttft_turn10_over_turn1']:.2f}x"
    for count, ratio in figures["five_tasks_over_one"].items():
        yield f"a turn with five tasks against one, {count} at once: {ratio:.2f}x"


def _missing(figures: Mapping) -> Iterator[str]:
    if figures["missing"]:
        yield ""
    for name, why in figures["missing"].items():
        yield f"{name} was left out: {why}"
