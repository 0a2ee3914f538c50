"""`manage.py train_pocket`: make the built-in model, from generated text to a finished folder."""

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm


class Command(BaseCommand):
    help = (
        "Train a small chat model from scratch on generated support conversations and labelled "
        "messages, in English and Chinese, and write it to a folder that transformers loads. "
        "An interrupted training goes on when the same command is given again, for more or fewer "
        "--minutes if you like."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--out", type=Path, required=True, help="folder of the new model")
        parser.add_argument(
            "--data", type=Path, help="folder with public corpora (see the model card); optional"
        )
        parser.add_argument(
            "--start",
            type=Path,
            help="folder of an earlier pocket model to go on from, instead of from nothing",
        )
        parser.add_argument(
            "--minutes", type=float, default=100, help="time for the training itself (100)"
        )
        parser.add_argument(
            "--rate",
            type=float,
            help="factor on the learning rates (1, or 0.6 with --start; less for a short finish)",
        )
        parser.add_argument("--seed", type=int, default=1, help="of text, weights and order (1)")
        parser.add_argument(
            "--hidden", type=int, default=320, help="width of the model, a multiple of 64 (320)"
        )
        parser.add_argument("--layers", type=int, default=6, help="depth of the model (6)")
        parser.add_argument(
            "--rows", type=int, help="rows of 512 tokens in a step (8 on a CPU, 64 with a GPU)"
        )
        parser.add_argument(
            "--writers",
            type=int,
            help="processes that write the text (none on a CPU, all cores but two with a GPU)",
        )
        parser.add_argument(
            "--reads",
            type=int,
            help="how often each batch is read (1 on a CPU; 2 with a GPU, which waits for text)",
        )
        parser.add_argument("--threads", type=int, default=0, help="CPU threads (all cores)")
        parser.add_argument(
            "--compile",
            action="store_true",
            help="fuse the model's operations first: about a seventh faster, wants a C++ compiler",
        )
        parser.add_argument("--fresh", action="store_true", help="drop an interrupted training")
        parser.add_argument(
            "--json", action="store_true", help="print the report as the last line, as JSON"
        )

    def handle(self, *, out, json: bool, **options):
        _check(**options)
        for name in ("data", "start"):
            options[name] = options[name] and Path(options[name])
        report = _make(Path(out).resolve(), **options)
        self.stdout.write(_line(report) if json else _summary(report, out))


def _check(
    *, minutes, rate, threads, hidden, layers, rows, reads, writers, compile, **others
) -> None:
    _require(0 < minutes <= 24 * 60, "--minutes", "more than 0 and at most 1440", minutes)
    _require(rate is None or 0 < rate <= 10, "--rate", "more than 0 and at most 10", rate)
    _require(threads >= 0, "--threads", "0 (all cores) or more", threads)
    _require(0 < hidden <= 1024 and hidden % 64 == 0, "--hidden", "64, 128 ... 1024", hidden)
    _require(1 <= layers <= 32, "--layers", "1 to 32", layers)
    _require(rows is None or 1 <= rows <= 256, "--rows", "1 to 256", rows)
    _require(reads is None or 1 <= reads <= 100, "--reads", "1 to 100", reads)
    _require(writers is None or 0 <= writers <= 64, "--writers", "0 to 64", writers)
    compiler = os.environ.get("CXX", "g++")
    if compile and not shutil.which(compiler):
        raise CommandError(f"--compile needs a C++ compiler: {compiler} is missing. CXX names one.")


def _require(fine: bool, option: str, allowed: str, value) -> None:
    if not fine:
        raise CommandError(f"{option} must be {allowed}, not {value}.")


def _make(out: Path, *, data, start, fresh, threads, writers, rows, reads, **options) -> dict:
    import torch

    from inference.pocket import making
    from inference.pocket.sources import CorpusError

    if threads:
        torch.set_num_threads(threads)
    gpu = torch.cuda.is_available()
    if writers is None:
        writers = max(1, (os.cpu_count() or 1) - 2) if gpu else 0
    rows, reads = rows or (64 if gpu else 8), reads or (2 if gpu else 1)
    try:
        if fresh:
            making.forget(out)
        with _Bar() as bar:
            return making.make(
                out,
                _plan(start, rows=rows, reads=reads, **options),
                data,
                "cuda" if gpu else "cpu",
                progress=bar,
                start=start,
                writers=writers,
                stage=bar.stage,
            )
    except (making.MakingError, CorpusError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"Cannot write the model: {error}") from error
    except KeyboardInterrupt as error:
        raise CommandError("Stopped. The same command goes on where it was.") from error


def _plan(start, *, minutes, rate, seed, hidden, layers, rows, reads, compile, **others):
    from inference.pocket.recipe import Recipe
    from inference.pocket.training import Plan, Shape

    shape = Shape(hidden=hidden, layers=layers, heads=hidden // 64, intermediate=3 * hidden)
    recipe = Recipe(seed=seed, rows=rows)
    plan = Plan(minutes=minutes, shape=shape, recipe=recipe, reads=reads, compiled=compile)
    if rate is None:  # what is learned already would be lost at the full rates
        rate = 0.6 if start else 1.0
    return replace(plan, muon_rate=rate * plan.muon_rate, adam_rate=rate * plan.adam_rate)


class _Bar:
    """The progress on stderr: what is done, its share, time left, loss and tokens a second."""

    def __enter__(self):
        self._bar = tqdm(
            total=100,
            file=sys.stderr,
            bar_format="{desc} {percentage:3.0f}%|{bar:24}|{postfix}",
            desc="reading",
        )
        return self

    def stage(self, name: str) -> None:
        self._bar.set_description_str(name)

    def __call__(self, report, progress: float) -> None:
        self._bar.n = round(100 * progress, 2)
        speed = report.tokens / max(report.seconds, 1e-9)
        left = report.seconds * (1 - progress) / max(progress, 1e-9)  # a resumed one counts on
        self._bar.set_postfix_str(
            f"loss {report.loss:.3f}, {speed:,.0f} tokens/s, {tqdm.format_interval(left)} left"
        )

    def __exit__(self, *failure):
        self._bar.close()


def _line(report: dict) -> str:
    return json.dumps(report)


def _summary(report: dict, out: Path) -> str:
    judged = ", ".join(
        f"{name} {each['accuracy']:.1%}" for name, each in report["sentiment"].items()
    )
    return (
        f"Wrote {out}: {report['parameters'] / 1e6:.1f} M parameters, {report['steps']} steps, "
        f"{report['seconds']:.0f} s. Mood read right: {judged}. "
        f"Numbers copied: {report['replies']['copied']:.1%}."
    )
