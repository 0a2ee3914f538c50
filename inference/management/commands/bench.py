"""`manage.py bench`: how fast the engine is on this machine, beside other ways to do the same."""

import os
from collections.abc import Callable
from dataclasses import replace
from json import dumps
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from inference.bench import accuracy, arms, backlog, comparison, folders, plots, replay, report
from inference.bench.errors import BenchError
from inference.bench.measuring import measure
from inference.bench.plan import STREAMS, Plan
from inference.bench.serving import measuring as serving
from inference.bench.shapes import SHAPES, shape_named
from inference.config import DTYPES
from inference.hardware import physical_cores

USUAL = "qwen2.5-0.5b"  # the shape that is measured if nobody names one
OF_ARMS = ("arms", "conversations", "turns", "seeds", "limit", "plot", "accuracy")  # options


class Command(BaseCommand):
    help = (
        "Measure speed, latency and memory with a made model of a named shape: our engine, "
        "plain transformers as in the article, two models, and llama.cpp if it is installed. "
        "--cache replays short frequent messages, --backfill labels stored ones; both on the "
        "pocket model unless a shape is named. How to read the figures is in docs/performance.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--shape", help=f"one of {', '.join(SHAPES)} ({USUAL})")
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
            "--models", type=Path, help=f"folder of made models ({folders.default_cache()})"
        )
        parser.add_argument(
            "--serve",
            action="store_true",
            help="measure the whole server on the pocket model instead: an echo while 16 replies "
            "stream, first tokens over sockets; with --quick, --dtype, --threads and --json only",
        )
        known = "replay frequent messages: how many are known from before, and how fast"
        parser.add_argument("--cache", action="store_true", help=known)
        stored = "label stored messages as a backfill does, and one at a time the plain way"
        parser.add_argument("--backfill", action="store_true", help=stored)
        counts = f"of --cache ({replay.MESSAGES}) or --backfill ({backlog.MESSAGES})"
        parser.add_argument("--messages", type=int, metavar="N", help=counts)
        compared = "accuracy in the comparison with BERT + LLM: what evaluate --json wrote"
        parser.add_argument("--accuracy", nargs="+", type=Path, metavar="FILE", help=compared)
        parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, **options):
        try:
            measured, page = _job(**options)
            figures = measured(**options)
            self.stdout.write(page(figures))
            _plot(figures, options["plot"])
        except BenchError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped.") from error
        if options["json"]:
            self.stdout.write(dumps(figures))
        if failed := [name for name in figures.get("missing", ()) if not arms.obstacle(name)]:
            raise CommandError(f"Not measured to the end: {', '.join(failed)} (see above).")


def _require_defaults(options: dict) -> None:
    """Refuse what belongs to the other measurements: it would be ignored."""
    names = ("shape", "models", *OF_ARMS, "messages", "cache", "backfill")
    given = [f"--{name}" for name in names if options[name] not in (None, False)]
    _require(not given, f"{', '.join(given)} cannot go with --serve.")


def _job(*, serve, cache, backfill, messages, **options) -> tuple[Callable, Callable]:
    """What measures, and what writes its figures for people."""
    if serve:
        return _served, serving.page
    _require(not (cache and backfill), "--cache and --backfill are measured one at a time.")
    _require(messages is None or messages >= 1, f"--messages must be 1 or more, not {messages}.")
    if not cache and not backfill:
        _require(messages is None, "--messages belongs to --cache or --backfill.")
        return _figures, report.page
    mode, own = ("--cache", "seeds") if cache else ("--backfill", "limit")
    strange = [f"--{name}" for name in OF_ARMS if name != own and options[name] is not None]
    _require(not strange, f"{', '.join(strange)} has no place in {mode}.")
    return (_replayed, replay.page) if cache else (_labelled, backlog.page)


def _served(*, quick, dtype, threads, **options) -> dict:
    _require_defaults(options)
    load = serving.QUICK if quick else serving.FULL
    _check_threads(threads)
    # Not the cores: what the server takes by itself is part of what is measured.
    return serving.measure(load, _dtype(dtype), threads or settings.INFERENCE_THREADS)


def _replayed(*, shape, messages, seeds, quick, **options) -> dict:
    count = messages or replay.MESSAGES
    size = settings.INFERENCE_REPEAT_SIZE
    seeds = _plan(quick=quick, seeds=seeds).seeds
    return replay.measure(shape, count, seeds, size=size, **_loading(**options))


def _labelled(*, shape, messages, quick, limit, **options) -> dict:
    limit_s = _plan(quick=quick, limit=limit).limit_s
    return backlog.measure(shape, messages or backlog.MESSAGES, limit_s, **_loading(**options))


def _figures(*, shape, plot, **options) -> dict:
    """The summary of what the options ask for."""
    chosen, plan = shape_named(shape or USUAL), _plan(**options)
    names, missing = _arms(options["arms"])
    _check_plot(plot)
    judged = accuracy.read(options["accuracy"] or ())
    figures = measure(chosen, names, plan, missing=missing, **_loading(**options))
    return figures | {"comparison": comparison.compared(figures, judged)}


def _loading(*, models, dtype, threads, **options) -> dict:
    """How models are loaded, and where made ones are kept."""
    return {
        "cache": Path(models or folders.default_cache()).expanduser().resolve(),
        "dtype": _dtype(dtype),
        "threads": _threads(threads),
        "kv_mb": settings.INFERENCE_KV_MB,
    }


def _plan(*, quick, conversations=None, turns=None, seeds=None, limit=None, **options) -> Plan:
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


def _check_threads(threads: int) -> None:
    most = os.cpu_count() or 1
    allowed = f"0 (the physical cores) to {most}"
    _require(0 <= threads <= most, f"--threads must be {allowed}, not {threads}.")


def _threads(threads: int) -> int:
    _check_threads(threads)
    return threads or settings.INFERENCE_THREADS or physical_cores()


def _check_plot(path: Path | None) -> None:
    """Refuse before an hour is spent what could not be written after it."""
    if path is None:
        return
    _require(not path.is_dir(), f"--plot {path} is a folder: give a file.")
    place = path if path.exists() else path.absolute().parent
    _require(os.access(place, os.W_OK), f"--plot {path} cannot be written there.")


def _plot(figures: dict, path: Path | None) -> None:
    if path is None:
        return
    try:
        path.write_text(plots.svg(figures), "utf-8")
    except OSError as error:
        raise CommandError(f"--plot {path} cannot be written: {error.strerror}.") from error


def _require(ok: bool, problem: str) -> None:
    if not ok:
        raise CommandError(problem)
