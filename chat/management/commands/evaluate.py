"""`manage.py evaluate`: how well the model reads labels, and how well it answers."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from chat.evaluation import labelled, mistakes, replies
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
    mistakes.MistakesError,
    replies.ReplyFailed,
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
        parser.add_argument(
            "--errors",
            type=Path,
            metavar="FILE.csv",
            help="write what was wrong to this file, the worst first",
        )
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, **options):
        if problem := _problem(**options):
            raise CommandError(problem)
        try:
            if options["errors"]:
                mistakes.check(options["errors"])
            figures = self._replies(**options) if options["replies"] else self._labels(**options)
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(
                f"The database is not ready ({reason}). Run migrate first."
            ) from error
        except EXPLAINED as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(figures, ensure_ascii=False))

    def _labels(self, *, task, data, limit, baseline, errors, **options) -> dict:
        run = _run(task)
        everything = labelled.read(data, run.version.names)
        labels = _in_use(everything, run)
        examples = spread(everything, limit)
        baselines = _baselines(baseline, examples, labels, run)
        engine = _ready_engine()
        began = time.monotonic()
        judged = _judged(engine, run, examples, labels)
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
        if errors:
            mistakes.write_labels(errors, judged.mistakes)
            self.stdout.write(f"\n{len(judged.mistakes)} wrong ones: {errors}")
        return figures

    def _replies(self, *, errors, **options) -> dict:
        engine = _ready_engine()
        with tqdm(unit="question", file=sys.stderr) as bar:
            found = replies.verdicts(engine, progress=partial(_advance, bar))
        graded = replies.summary(found)
        self.stdout.write(f"{graded['n']} questions\nmodel: {engine.model_id}\n")
        shares = {name: value for name, value in graded.items() if isinstance(value, float)}
        self.stdout.write("\n".join(f"{name:<14}{each:>6.1%}" for name, each in shares.items()))
        if errors:
            mistakes.write_replies(errors, found)
            self.stdout.write(f"\n{sum(not each.good for each in found)} wrong ones: {errors}")
        return {"model": engine.model_id, **graded}


def _problem(*, data, replies, limit, baseline, errors, **options) -> str | None:
    """What is wrong with the options, in words; None if nothing is."""
    if replies and (data or baseline or limit is not None):
        return "--replies has its own questions: leave out --data, --baseline and --limit."
    if not replies and not data:
        return "Give --data FILE.csv (columns text,label), or --replies."
    if limit is not None and limit < 1:
        return "--limit must be 1 or more."
    if unknown := [name for name in baseline if name not in BASELINES]:
        return f"--baseline {unknown[0]} is unknown. There are: {', '.join(BASELINES)}."
    if data and errors and os.path.realpath(data) == os.path.realpath(errors):
        return "--errors would overwrite the file of --data: name another."
    return None


def _run(slug: str) -> TaskRun:
    tasks = {
        task.slug: task
        for task in Task.objects.filter(archived=None, current__isnull=False)
        .select_related("current")
        .order_by("slug")
    }
    if slug not in tasks:
        known = ", ".join(tasks) or "none yet"
        raise CommandError(f"--task {slug} does not exist or is archived. There are: {known}.")
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


def _judged(
    engine, run: TaskRun, examples: Sequence[labelled.Example], labels: Sequence[str]
) -> Judgement:
    predictions = predict(engine, run, examples, labels)
    with tqdm(predictions, total=len(examples), unit="text", file=sys.stderr) as bar:
        return judge(examples, bar, labels)


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
