"""`manage.py bench`: how fast the engine is on this machine, beside other ways to do the same."""

import json
import os
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from inference.bench import arms, folders, plots, report
from inference.bench.errors import BenchError
from inference.bench.measuring import measure
from inference.bench.plan import STREAMS, Plan
from inference.bench.shapes import SHAPES, shape_named
from inference.config import DTYPES
from inference.hardware import physical_cores


class Command(BaseCommand):
    help = (
        "Measure speed, latency and memory with a made model of a named shape: our engine, "
        "plain transformers as in the article, two models, and llama.cpp if it is installed. "
        "How to read the figures is in docs/performance.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--shape", default="qwen2.5-0.5b", help=f"one of {', '.join(SHAPES)}")
        parser.add_argument(
            "--arms", nargs="+", metavar="ARM", help=f"which of {', '.join(arms.NAMES)}; all"
        )
        parser.add_argument(
            "--conversations", nargs="+", type=int, metavar="N", help="side by side (1 4 16)"
        )
        parser.add_argument("--turns", type=int, help="of every conversation (3)")
        parser.add_argument("--seeds", type=int, help="repeats; figures are their medians (3)")
        parser.add_argument(
            "--limit", type=float, help="seconds a run, for arms that serve one at a time (30)"
        )
        parser.add_argument("--quick", action="store_true", help="a short look, not to be quoted")
        parser.add_argument("--dtype", help=f"of our engine: {', '.join(DTYPES)}")
        parser.add_argument("--threads", type=int, default=0, help="CPU threads (physical cores)")
        parser.add_argument(
            "--cache", type=Path, help=f"folder of made models ({folders.default_cache()})"
        )
        parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, **options):
        try:
            figures = _figures(**options)
            self.stdout.write(report.page(figures))
            if options["plot"]:
                options["plot"].write_text(plots.svg(figures), "utf-8")
        except BenchError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"--plot cannot be written: {error.strerror}.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped.") from error
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        if failed := [name for name in figures["missing"] if not arms.obstacle(name)]:
            raise CommandError(f"Not measured to the end: {', '.join(failed)} (see above).")


def _figures(*, shape, cache, threads, plot, dtype, **options) -> dict:
    """The summary of what the options ask for."""
    chosen, plan = shape_named(shape), _plan(**options)
    names, missing = _arms(options["arms"])
    _check_plot(plot)
    return measure(
        chosen,
        names,
        plan,
        cache=Path(cache or folders.default_cache()).expanduser().resolve(),
        dtype=_dtype(dtype),
        threads=_threads(threads),
        kv_mb=settings.INFERENCE_KV_MB,
        missing=missing,
    )


def _plan(*, quick, conversations, turns, seeds, limit, **options) -> Plan:
    """The usual plan, or the quick one, with what the options change of it."""
    able = all(1 <= count <= STREAMS for count in conversations or ())
    _require(able, f"--conversations must be 1 to {STREAMS}, not {conversations}.")
    _require(turns is None or turns >= 1, f"--turns must be 1 or more, not {turns}.")
    _require(seeds is None or seeds >= 1, f"--seeds must be 1 or more, not {seeds}.")
    _require(limit is None or limit > 0, f"--limit must be more than 0, not {limit}.")
    chosen = {
        "conversations": tuple(sorted(set(conversations))) if conversations else None,
        "turns": turns,
        "seeds": seeds,
        "limit_s": limit,
    }
    plan = Plan.quick() if quick else Plan()
    return replace(plan, **{name: value for name, value in chosen.items() if value is not None})


def _arms(names: list[str] | None) -> tuple[list[str], dict[str, str]]:
    """The arms that can run here, and why the others cannot; in the order of arms.NAMES."""
    unknown = [name for name in names or () if name not in arms.NAMES]
    known = ", ".join(arms.NAMES)
    _require(not unknown, f"--arms {', '.join(unknown)} is unknown. There are: {known}.")
    wanted = [name for name in arms.NAMES if not names or name in names]
    missing = {name: why for name in wanted if (why := arms.obstacle(name))}
    able = [name for name in wanted if name not in missing]
    reasons = "; ".join(f"{name} is {why}" for name, why in missing.items())
    _require(bool(able), f"--arms leaves nothing to measure: {reasons}.")
    return able, missing


def _dtype(dtype: str | None) -> str:
    _require(dtype in (None, *DTYPES), f"--dtype must be one of {', '.join(DTYPES)}, not {dtype}.")
    return dtype or settings.INFERENCE_DTYPE


def _threads(threads: int) -> int:
    most = os.cpu_count() or 1
    allowed = f"0 (the physical cores) to {most}"
    _require(0 <= threads <= most, f"--threads must be {allowed}, not {threads}.")
    return threads or settings.INFERENCE_THREADS or physical_cores()


def _check_plot(path: Path | None) -> None:
    """Refuse before an hour is spent what could not be written after it."""
    if path is None:
        return
    _require(not path.is_dir(), f"--plot {path} is a folder: give a file.")
    place = path if path.exists() else path.absolute().parent
    _require(os.access(place, os.W_OK), f"--plot {path} cannot be written there.")


def _require(ok: bool, problem: str) -> None:
    if not ok:
        raise CommandError(problem)
