"""`manage.py evaluate`: how well the model reads labels, and how well it answers."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from chat.evaluation import labelled
from chat.evaluation.baselines import BASELINES, BaselineError
from chat.evaluation.judgement import Judgement, judge, judge_labels, spread
from chat.evaluation.predictions import predict
from chat.labels import TaskRun
from inference import resident
from inference.errors import EngineRefusal, ModelError
from inference.models import Task

DIGITS = 4  # of a share in the JSON object
EXPLAINED = (  # errors whose message tells a person what to do
    labelled.DataError,
    BaselineError,
    ImproperlyConfigured,
    ModelError,
    EngineRefusal,
    TimeoutError,
    RuntimeError,
)


class Command(BaseCommand):
    help = (
        "Judge the model: --task and --data compare its labels with those of a CSV file "
        "(columns text,label), --replies grades its answers to a written set of questions."
    )

    def add_arguments(self, parser):
        parser.add_argument("--task", default="sentiment", help="slug of the task (sentiment)")
        parser.add_argument("--data", type=Path, help="a CSV file in UTF-8, or a .csv.gz")
        parser.add_argument("--limit", type=int, help="judge only N rows, spread over the file")
        parser.add_argument(
            "--baseline",
            action="append",
            default=[],
            metavar="NAME",
            help=f"compare with {' or '.join(BASELINES)}; may be given more than once",
        )
        parser.add_argument("--replies", action="store_true", help="grade answers to questions")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, **options):
        _check(options)
        try:
            figures = self._replies() if options["replies"] else self._labels(**options)
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(
                f"The database is not ready ({reason}). Run migrate first."
            ) from error
        except EXPLAINED as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(figures, ensure_ascii=False))

    def _labels(self, *, task, data, limit, baseline, **options) -> dict:
        run = _run(task)
        everything = labelled.read(data, run.version.names)
        labels = _in_use(everything, run)
        examples = spread(everything, limit)
        baselines = _baselines(baseline, examples, labels, run)
        engine = _ready_engine()
        began = time.monotonic()
        predictions = predict(engine, run, examples, labels)
        with tqdm(predictions, total=len(examples), unit="text", file=sys.stderr) as bar:
            judged = judge(examples, bar, labels)
        figures = {
            "task": task,
            "version": run.version.number,
            "data": str(data),
            "model": engine.model_id,
            **_rounded(judged),
            "baselines": {name: _rounded(each) for name, each in baselines.items()},
            "seconds": round(time.monotonic() - began, 1),
        }
        self.stdout.write(_page(figures))
        return figures

    def _replies(self) -> dict:
        from chat.evaluation.replies import ReplyFailed, evaluate_replies

        engine = _ready_engine()
        try:
            with tqdm(unit="question", file=sys.stderr) as bar:
                graded = evaluate_replies(engine, lambda done, total: _advance(bar, done, total))
        except ReplyFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{graded['n']} questions\nmodel: {engine.model_id}\n")
        shares = {name: value for name, value in graded.items() if isinstance(value, float)}
        self.stdout.write("\n".join(f"{name:<14}{each:>6.1%}" for name, each in shares.items()))
        return {"model": engine.model_id, **graded}


def _check(options: dict) -> None:
    if options["replies"] and (options["data"] or options["baseline"]):
        raise CommandError("--replies has its own questions: leave out --data and --baseline.")
    if not options["replies"] and not options["data"]:
        raise CommandError("Give --data FILE.csv (columns text,label), or --replies.")
    if options["limit"] is not None and options["limit"] < 1:
        raise CommandError("--limit must be 1 or more.")
    for name in options["baseline"]:
        if name not in BASELINES:
            raise CommandError(f"--baseline {name} is unknown. There are: {', '.join(BASELINES)}.")


def _run(slug: str) -> TaskRun:
    tasks = {
        task.slug: task
        for task in Task.objects.filter(current__isnull=False).select_related("current")
    }
    if slug not in tasks:
        known = ", ".join(sorted(tasks)) or "none yet"
        raise CommandError(f"--task {slug} does not exist. There are: {known}.")
    return TaskRun(tasks[slug], tasks[slug].current)


def _in_use(examples: Sequence[labelled.Example], run: TaskRun) -> tuple[str, ...]:
    """The task's labels that occur in the file, in the task's order."""
    used = {example.label for example in examples}
    return tuple(name for name in run.version.names if name in used)


def _baselines(
    names: Sequence[str],
    examples: Sequence[labelled.Example],
    labels: Sequence[str],
    run: TaskRun,
) -> dict[str, Judgement]:
    polarity = {label: run.version.polarity[label] for label in labels}
    said = {name: BASELINES[name](examples, polarity) for name in names}
    return {name: judge_labels(examples, each, labels) for name, each in said.items()}


def _ready_engine():
    engine = resident.start()
    if not engine.wait_ready():
        raise CommandError(engine.error or "The engine was stopped.")
    return engine


def _advance(bar: tqdm, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _rounded(judged: Judgement) -> dict:
    """What the JSON object tells of a judgement; a baseline tells less."""
    shares = {
        "accuracy": round(judged.accuracy, DIGITS),
        "macro_f1": round(judged.macro_f1, DIGITS),
    }
    if judged.ece is None:
        return shares
    return {
        "n": judged.n,
        **shares,
        "ece": round(judged.ece, DIGITS),
        "confusion": judged.confusion,
    }


def _page(figures: Mapping) -> str:
    """The figures as a person reads them."""
    title = f"{figures['task']} version {figures['version']} on {figures['data']}"
    compared = {"model": figures, **figures["baselines"]}
    return "\n".join(
        [
            f"{title}: {figures['n']} texts, {figures['seconds']} s",
            f"model: {figures['model']}",
            "",
            f"{'':<12}{'accuracy':>10}{'macro-F1':>10}{'ECE':>8}",
            *(_row(name, each) for name, each in compared.items()),
            "",
            *_table(figures["confusion"]),
        ]
    )


def _row(name: str, figures: Mapping) -> str:
    ece = f"{figures['ece']:>8.3f}" if "ece" in figures else ""
    return f"{name:<12}{figures['accuracy']:>10.3f}{figures['macro_f1']:>10.3f}{ece}"


def _table(confusion: Mapping[str, Mapping[str, int]]) -> list[str]:
    width = max(12, *(len(label) + 2 for label in confusion))
    head = "true \\ said".ljust(width) + "".join(label.rjust(width) for label in confusion)
    return [
        head,
        *(
            label.ljust(width) + "".join(str(count).rjust(width) for count in row.values())
            for label, row in confusion.items()
        ),
    ]
