"""`manage.py recalibrate`: a version's confidences, fitted anew on what people decided."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from chat.evaluation import recalibration
from chat.evaluation.command import TaskCommand, explained, ready_engine
from chat.evaluation.predictions import log_probabilities
from chat.evaluation.subject import task_run
from chat.evaluation.testset import of_file, of_reviews
from inference import calibration
from inference.models import Calibration, TaskVersion

DIGITS = 4


class Command(TaskCommand):
    help = (
        "Fit the confidences of a task's version for the configured model on reviewed messages or "
        "a CSV file (columns text,label), with figures before and after on messages that were not "
        "fitted on. The next message is read with the new confidences."
    )

    def add_arguments(self, parser):
        add = parser.add_argument
        add("--task", required=True, help="slug of the task")
        add("--version", type=int, metavar="N", help="a version of the task (the current one)")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--reviews", action="store_true", help="fit on reviews (the default)")
        source.add_argument("--data", type=Path, help="fit on a CSV file in UTF-8, or a .csv.gz")
        add("--dry-run", action="store_true", help="show the figures and store nothing")
        add("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, *, dry_run, **given):
        with explained():
            version, found = self._refit(**given)
            if found["improves"] and not dry_run:
                _store(version, found)
        found["stored"] = found["improves"] and not dry_run
        self.stdout.write(_page(found, dry_run))
        if given["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))

    def _refit(self, *, task, version, data, **others) -> tuple[TaskVersion, dict]:
        run = task_run(task, version)
        test = of_file(data, run.version) if data else of_reviews(run.version)
        truth = [example.label for example in test.examples]
        recalibration.check(truth, run.version.names)
        engine = ready_engine()
        scored = log_probabilities(engine, run, test.examples)
        scores = list(tqdm(scored, total=len(truth), unit="text", file=sys.stderr))
        present = calibration.for_version(engine, run.version)
        refit = recalibration.refit(scores, truth, present.affine)
        return run.version, {
            "task": task,
            "version": run.version.number,
            "data": test.name,
            "model": engine.model_id,
            "n": len(truth),
            "present": present.source,
            **{name: _rounded(asdict(getattr(refit, name))) for name in ("before", "after")},
            **asdict(refit.affine),
            "improves": refit.better,
        }


def _store(version: TaskVersion, found: Mapping) -> None:
    version.calibrations.create(
        model_id=found["model"],
        scale=found["scale"],
        bias=found["bias"],
        source=Calibration.Source.FITTED,
    )


def _rounded(quality: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in quality.items()}


def _page(found: Mapping, dry_run: bool) -> str:
    title = f"{found['task']} version {found['version']} on {found['data']}: {found['n']} texts"
    lines = [
        f"{name:<10}{each['accuracy']:>10.3f}{each['log_likelihood']:>16.3f}{each['ece']:>8.3f}"
        for name, each in (("before", found["before"]), ("after", found["after"]))
    ]
    head = f"{'held out':<10}{'accuracy':>10}{'log-likelihood':>16}{'ECE':>8}"
    return "\n".join(
        [title, f"model: {found['model']}", "", head, *lines, "", _end(found, dry_run)]
    )


def _end(found: Mapping, dry_run: bool) -> str:
    if not found["improves"]:
        return "Nothing is stored: the present confidences are better on messages not fitted on."
    return "Nothing is stored: --dry-run." if dry_run else "Stored: the next message uses it."
