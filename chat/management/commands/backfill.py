"""`manage.py backfill`: read stored messages with a task's current version."""

import argparse
import json
import sys
import time
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from tqdm import tqdm

from chat import backfill
from chat.models import Backfill
from inference import resident
from inference.errors import ModelError
from inference.fallback import resident as fallback
from inference.models import Task

SOME_FAILED, ENDED_EARLY, INTERRUPTED = 3, 4, 130  # 2 is a wrong option


class Command(BaseCommand):
    help = (
        "Label stored visitor messages that the task's current version has not read yet, the "
        "newest first. Loads a model of its own. Run it again to go on where it broke off. "
        f"Exit codes: 0 all labelled, 1 could not run, 2 wrong options, {SOME_FAILED} some "
        f"messages failed, {ENDED_EARLY} the task was archived or published anew meanwhile, "
        f"{INTERRUPTED} Ctrl-C."
    )

    def add_arguments(self, parser):
        parser.add_argument("--task", required=True, help="slug of the task")
        parser.add_argument(
            "--since", type=_moment, help="only messages from this day or moment on (ISO 8601)"
        )
        parser.add_argument("--limit", type=_count, help="at most so many messages")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, *, task, since, limit, **options):
        row = _begin(_task(task), since, limit)
        try:
            seconds = self._work(row, since)
        except KeyboardInterrupt:
            text = f"Interrupted after {row.labelled}: the same command goes on from here."
            raise CommandError(text, returncode=INTERRUPTED) from None
        finally:
            resident.stop()
        figures = _figures(row, seconds)
        self.stdout.write("{labelled} labelled, {failed} failed, {left} left".format(**figures))
        if options["json"]:
            self.stdout.write(json.dumps(figures, ensure_ascii=False))
        _judge(row)

    def _work(self, row: Backfill, since: datetime | None) -> float:
        """The seconds it took once the model was loaded, which nothing to do does not need."""
        if row.total == 0:
            row.end(Backfill.State.DONE)
            return 0.0
        engine, began = _engine(row), time.monotonic()
        with tqdm(total=row.total, unit="message", file=sys.stderr, disable=None) as bar:
            backfill.work(row, engine, since=since, progress=bar.update)
        return time.monotonic() - began


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-11-01") from None
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return int(text)


def _task(slug: str) -> Task:
    try:
        tasks = {task.slug: task for task in Task.objects.order_by("slug")}
    except DatabaseError as error:
        raise CommandError(f"The database is not ready ({error}). Run migrate first.") from error
    if slug not in tasks:
        known = ", ".join(tasks) or "none yet"
        raise CommandError(f"--task {slug} does not exist. There are: {known}.")
    return tasks[slug]


def _begin(task: Task, since: datetime | None, limit: int | None) -> Backfill:
    try:
        return backfill.begin(task, since=since, limit=limit)
    except backfill.CannotStart as error:
        raise CommandError(f"--task {task.slug}: {error}") from None


def _engine(row: Backfill):
    try:
        fallback.check()
        engine = resident.start()
        if engine.wait_ready():
            return engine
        raise ModelError(engine.error or "The engine was stopped.")
    except (ImproperlyConfigured, ModelError) as error:
        row.end(Backfill.State.FAILED, str(error))
        raise CommandError(str(error)) from error


def _figures(row: Backfill, seconds: float) -> dict:
    return {
        "task": row.version.task.slug,
        "version": row.version.number,
        "model": resident.engine().model_id,
        "state": row.state,
        "total": row.total,
        "labelled": row.labelled,
        "failed": row.failed,
        "left": row.total - row.labelled - row.failed,
        "seconds": round(seconds, 1),
        "per_second": round(row.labelled / seconds, 1) if seconds else 0.0,
    }


def _judge(row: Backfill) -> None:
    """The exit code says what the figures say."""
    match row.state:
        case Backfill.State.FAILED:
            raise CommandError(row.problem)
        case Backfill.State.STOPPED:
            raise CommandError(row.problem, returncode=ENDED_EARLY)
    if row.failed:
        raise CommandError(f"{row.failed} could not be labelled.", returncode=SOME_FAILED)
