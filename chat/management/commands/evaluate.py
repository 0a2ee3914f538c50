"""`manage.py evaluate`: how well the model reads labels, and how well it answers."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from django.core.management.base import CommandError
from tqdm import tqdm

from chat.evaluation import (
    attacking,
    attacks,
    figures,
    interference,
    mistakes,
    options,
    quality,
    replies,
    sensitivity,
)
from chat.evaluation.baselines import BASELINES
from chat.evaluation.command import TaskCommand, explained, ready_engine
from chat.evaluation.judgement import Judgement, judge, judge_labels, spread
from chat.evaluation.labelled import Example
from chat.evaluation.predictions import predict
from chat.evaluation.subject import task_run
from chat.evaluation.testset import TestSet, of_file, of_reviews
from chat.labels import TaskRun
from inference.models import VersionSensitivity


class Command(TaskCommand):
    help = (
        "Judge the model: --task with --data or --reviews compares its labels with those of a CSV "
        "file (columns text,label) or of reviewed messages, --replies grades its answers to a "
        "written set of questions, --attacks tells whether visitors can talk it into a label, "
        "--sensitivity and --interference whether its labels depend on wording, length and other "
        "tasks."
    )

    def add_arguments(self, parser):
        add = parser.add_argument
        add("--task", default="sentiment", help="slug of the task (sentiment)")
        add("--version", type=int, metavar="N", help="a version of the task (the current one)")
        add("--data", type=Path, help="a CSV file in UTF-8, or a .csv.gz")
        add("--reviews", action="store_true", help="judge on what people decided in the queue")
        add("--limit", type=int, help="judge only N texts, spread over the set")
        known = " or ".join(BASELINES)
        compared = f"compare with {known}; may be given more than once"
        add("--baseline", action="append", default=[], metavar="NAME", help=compared)
        add("--replies", action="store_true", help="grade answers to questions")
        add("--attacks", action="store_true", help="try the written attacks on labels and replies")
        add("--sensitivity", action="store_true", help="ask in other words, and among other words")
        add("--interference", action="store_true", help="ask alone, and beside the other tasks")
        wrong = "write what was wrong to this file, the worst first"
        add("--errors", type=Path, metavar="FILE.csv", help=wrong)
        add("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, **given):
        if problem := options.problem(given):
            raise CommandError(problem)
        with explained():
            if given["errors"]:
                mistakes.check(given["errors"])
            found = self._job(given)(**given)
        if given["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))

    def _job(self, given: Mapping) -> Callable[..., dict]:
        jobs = {
            "replies": self._replies,
            "attacks": self._attacks,
            "sensitivity": self._sensitivity,
            "interference": self._interference,
        }
        return next((job for name, job in jobs.items() if given[name]), self._labels)

    def _labels(self, *, task, version, data, reviews, limit, baseline, errors, **others) -> dict:
        run, test, examples = _material(task, version, data, limit)
        baselines = _baselines(baseline, examples, test, run)
        engine = ready_engine()
        began = time.monotonic()
        judged = _judged(engine, run, examples, test.labels)
        if reviews and limit is None:
            quality.keep(run.version, quality.figures(run, examples, judged, engine.model_id))
        found = {
            **_names(run, test, engine),
            **figures.rounded(judged),
            **test.left_out,
            "baselines": {name: figures.rounded(each) for name, each in baselines.items()},
            "seconds": round(time.monotonic() - began, 1),
        }
        self.stdout.write(figures.page(found))
        if errors:
            mistakes.write_labels(errors, judged.mistakes)
            self.stdout.write(f"\n{len(judged.mistakes)} wrong ones: {errors}")
        return found

    def _replies(self, *, errors, **others) -> dict:
        engine = ready_engine()
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

    def _attacks(self, *, task, version, **others) -> dict:
        run, tried = task_run(task, version), attacks.load()
        engine = ready_engine()
        total = attacking.PASSES * len(tried)
        with tqdm(total=total, unit="text", file=sys.stderr) as bar:
            counts = attacking.summary(attacking.attacked(engine, run, tried, bar.update))
        found = {"task": task, "version": run.version.number, "model": engine.model_id, **counts}
        self.stdout.write(figures.attack_page(found))
        return found

    def _sensitivity(self, *, task, version, data, limit, **others) -> dict:
        run, test, examples = _material(task, version, data, limit)
        engine = ready_engine()
        total = sensitivity.texts_to_read(run.version, examples)
        with tqdm(total=total, unit="text", file=sys.stderr) as bar:
            measured = sensitivity.measure(engine, run, examples, test.labels, bar.update)
        row = VersionSensitivity.objects.create(
            version=run.version,
            model_id=engine.model_id,
            n=measured.n,
            **sensitivity.figures(measured),
        )
        found = {**_names(run, test, engine), **sensitivity.report(measured)}
        found["large"] = row.is_large
        self.stdout.write(figures.sensitivity_page(found))
        return found

    def _interference(self, *, task, version, data, limit, **others) -> dict:
        run, test, examples = _material(task, version, data, limit)
        rest = interference.others(run)
        engine = ready_engine()
        with tqdm(total=len(examples), unit="text", file=sys.stderr) as bar:
            measured = interference.compare(engine, run, rest, examples, bar.update)
        found = {**_names(run, test, engine), **asdict(measured)}
        self.stdout.write(figures.interference_page(found))
        return found


def _material(
    task: str, version: int | None, data: Path | None, limit: int | None
) -> tuple[TaskRun, TestSet, Sequence[Example]]:
    """What is judged, the set it is judged on, and the examples that were asked for."""
    run = task_run(task, version)
    test = of_file(data, run.version) if data else of_reviews(run.version)
    return run, test, spread(test.examples, limit)


def _names(run: TaskRun, test: TestSet, engine) -> dict:
    return {
        "task": run.task.slug,
        "version": run.version.number,
        "data": test.name,
        "model": engine.model_id,
    }


def _baselines(
    names: Sequence[str], examples: Sequence[Example], test: TestSet, run: TaskRun
) -> Mapping[str, Judgement]:
    polarity = {label: run.version.polarity[label] for label in test.labels}
    said = {name: BASELINES[name](examples, polarity) for name in names}
    return {name: judge_labels(examples, each, test.labels) for name, each in said.items()}


def _judged(engine, run: TaskRun, examples: Sequence[Example], labels: Sequence[str]) -> Judgement:
    predictions = predict(engine, run, examples, labels)
    with tqdm(predictions, total=len(examples), unit="text", file=sys.stderr) as bar:
        return judge(examples, bar, labels)


def _advance(bar: tqdm, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
