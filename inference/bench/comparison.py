"""The table that the article makes, All-in-One against BERT + LLM, from one run's figures. Pure."""

from collections.abc import Iterator, Mapping, Sequence

OURS, OTHER = COMPARED = ("ours", "two-models")
TITLES = ("All-in-One", "BERT + LLM")
ROWS = (
    ("models", "models to load", ".0f"),
    ("memory_gb", "memory at work, GB", ".2f"),
    ("load_s", "load, s", ".1f"),
    ("turn_ms", "a reply and its mood, ms", ",.0f"),
    ("first_token_ms", "first token, ms", ",.0f"),
    ("label_ms", "a label alone, ms", ",.1f"),
    ("one_more_task_ms", "one more task, ms a turn", ",.1f"),
    ("one_more_task_gb", "one more task, GB", ".2f"),
)
FIRST, WIDTH = 40, 14


def compared(figures: Mapping, judged: Sequence[Mapping]) -> dict | None:
    """The table's figures by row, then by arm; None unless both arms were measured.

    Latencies are those of one conversation, or of the fewest that were measured. One more task is
    a question more to our one model, and to the other side one more classifier.

    Args:
        figures: the summary of a run.
        judged: what `accuracy.read` found.
    """
    arms = figures["arms"]
    if not set(COMPARED) <= set(arms):
        return None
    ours, other = (arms[name] for name in COMPARED)
    few = min(ours["turn_ms"], key=int)
    rows = {
        "models": (1, 2),
        "memory_gb": (ours["rss_gb"], other["rss_gb"]),
        "load_s": (ours["load_s"], other["load_s"]),
        "turn_ms": tuple(arm["turn_ms"][few]["p50"] for arm in (ours, other)),
        "first_token_ms": tuple(arm["ttft_ms"][few]["p50"] for arm in (ours, other)),
        "label_ms": (ours["label_ms_1"], other["label_ms_1"]),
        "one_more_task_ms": (figures["one_more_task_ms"]["1"], other["label_ms_1"]),
        "one_more_task_gb": (0.0, other["classifier_gb"]),
    }
    table = {name: dict(zip(COMPARED, pair, strict=True)) for name, pair in rows.items()}
    return {**table, "judged": list(judged)}


def lines(table: Mapping | None) -> Iterator[str]:
    """The table as a person reads it; nothing without one."""
    if table is None:
        return
    yield ""
    yield " " * FIRST + "".join(title.rjust(WIDTH) for title in TITLES)
    for name, title, style in ROWS:
        yield _line(title, table[name], style)
    for each in table["judged"]:
        about = f"{each['task']} on {each['data']}, {each['n']} texts"
        yield _line(f"accuracy, {about}", each["accuracy"], ".1%")


def _line(title: str, pair: Mapping, style: str) -> str:
    cells = ("-" if pair[name] is None else format(pair[name], style) for name in COMPARED)
    return title.ljust(FIRST) + "".join(cell.rjust(WIDTH) for cell in cells)
