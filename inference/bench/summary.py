"""The figures of a run in the form that `--json` promises."""

from collections.abc import Mapping

from inference.bench.arms import Setting, two_models
from inference.bench.figures import Figures, medians, ratios
from inference.bench.plan import LATE, OURS, Plan
from inference.bench.running import Results

BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}  # of a weight
DIGITS = 4  # that are kept of a figure
OF_OURS = (f"ttft_turn{LATE}_over_turn1", "five_tasks_over_one", "one_more_task_ms")


def summary(
    results: Results,
    setting: Setting,
    plan: Plan,
    bandwidth: Mapping[str, float],
    missing: Mapping[str, str],
) -> dict:
    """One JSON object: the run, our figures, every arm's medians, ratios of ours to theirs.

    What belongs to our own arm is null if that was not measured.
    """
    arms = {name: _arm(results, name, plan) for name in results.loaded}
    ours = arms.get(OURS, {})
    if two_models.NAME in arms:
        arms[two_models.NAME]["classifier_gb"] = two_models.classifier_gb(setting)
    return rounded(
        {
            "shape": setting.shape.name,
            "parameters": setting.shape.parameters,
            "dtype": ours.get("dtype"),
            "cores": setting.threads,
            "load_s": ours.get("load_s"),
            "rss_gb": ours.get("rss_gb"),
            "peak_rss_gb": ours.get("peak_rss_gb"),
            "bandwidth_gb_s": dict(bandwidth),
            "bandwidth_fraction": _fraction(ours, setting.shape.parameters, bandwidth),
            **{name: ours.pop(name, None) for name in OF_OURS},
            "arms": arms,
            "ratios": _ratios(results),
            "missing": {**missing, **results.failed},
            "turns": plan.turns,
            "seeds": plan.seeds,
        }
    )


def rounded(value):
    """The same tree with numbers of a few digits, however large or small they are."""
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _arm(results: Results, name: str, plan: Plan) -> Figures:
    """The medians of one arm; memory at work and the p95 are those of most conversations."""
    loaded, figures = results.loaded[name], medians(results.repeats[name])
    most = str(max(plan.conversations))
    return {
        **figures,
        "ttft_p95_ms": figures["ttft_ms"][most]["p95"],
        "rss_gb": figures["rss_gb"][most],
        "highest_rss_gb": figures["highest_rss_gb"][most],
        "peak_rss_gb": loaded.peak_rss_gb,
        "load_s": loaded.load_s,
        "dtype": loaded.dtype,
    }


def _fraction(ours: Figures, parameters: int, bandwidth: Mapping[str, float]) -> float | None:
    """Share of the memory's speed that one stream reaches: it reads every weight for a token."""
    if ours.get("dtype") not in BYTES:
        return None
    bytes_read = parameters * BYTES[ours["dtype"]] * ours["decode_tok_s"]["1"]
    return bytes_read / 1e9 / bandwidth["read"]


def _ratios(results: Results) -> dict[str, Figures]:
    """By peer: our figure divided by theirs, within each repeat, then the median."""
    if OURS not in results.loaded:
        return {}
    ours = results.repeats[OURS]
    return {name: ratios(ours, theirs) for name, theirs in results.repeats.items() if name != OURS}
