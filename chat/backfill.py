"""Label stored messages with a task's current version, many at once.

What is left to do is read from the labels: a run that broke off goes on where it was when it is
started again, and one over labelled messages does nothing.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from chat import deciding, examples, extractions, history, labels, messages
from chat.labels import TaskRun
from chat.models import Backfill, Message, ReplyPrompt, User
from inference import calibration, resident
from inference.errors import EngineRefusal, QueueFull
from inference.fallback.worker import Opinion
from inference.models import Task, TaskVersion
from inference.sequence import Classified, Event, Extracted
from inference.tasks import Request

log = logging.getLogger(__name__)
IN_FLIGHT = 32  # messages given to the engine at a time
BESIDE_VISITORS = 8  # as many while the same engine answers people
CHUNK = 200  # messages read from the database at a time; then the task is looked at again
BEAT_SECONDS = 1.0
ANSWER_SECONDS = 300  # a big model on a slow machine; a hang becomes an error
FULL_SECONDS = 0.2  # between two tries while the engine's queue is full

Progress = Callable[[int], None]


class CannotStart(Exception):
    """This task cannot be run over history now; the message says why."""


def pending(version: TaskVersion, since: datetime | None = None):
    """Visitor messages that this version has not read yet, the newest first."""
    read = "extractions" if version.writes_json else "classifications"
    rows = Message.objects.from_visitor().exclude(**{f"{read}__version": version})
    return (rows.filter(created__gte=since) if since else rows).order_by("-pk")


def begin(task: Task, *, user: User | None = None, since=None, limit: int | None = None):
    """A row for a run that is about to start; the caller then works it off.

    Raises:
        CannotStart: the task is archived, has no version, or is being run already.
    """
    with transaction.atomic():
        task = Task.objects.select_for_update().get(pk=task.pk)  # two may begin at once
        if task.archived or task.current is None:
            raise CannotStart(f"{task} is archived or has no version.")
        if row := Backfill.objects.alive(task):
            raise CannotStart(f"{task} is being run already: {row.labelled} of {row.total}.")
        left = pending(task.current, since).count()
        total = min(left, limit) if limit is not None else left
        return Backfill.objects.create(version=task.current, started_by=user, total=total)


def start(task: Task, user: User) -> Backfill:
    """Run over the whole history in the background, on the engine that serves visitors.

    Raises:
        CannotStart: as `begin`.
    """
    row = begin(task, user=user)
    thread = threading.Thread(target=_work_beside_visitors, args=(row,), daemon=True)
    transaction.on_commit(thread.start)
    return row


def work(
    row: Backfill,
    engine,
    *,
    since: datetime | None = None,
    in_flight: int = IN_FLIGHT,
    progress: Progress = lambda count: None,
) -> Backfill:
    """Label what `row` was begun for, and write down how it went; `progress` hears of each.

    The engine must be ready. Synchronous, with ORM calls.
    """
    try:
        if not row.version.writes_json:
            calibration.for_version(engine, row.version)
        _Run(row, engine, in_flight, progress).over(since)
    except (EngineRefusal, TimeoutError, RuntimeError) as error:
        row.end(Backfill.State.FAILED, str(error))
    except BaseException:
        row.end(Backfill.State.INTERRUPTED)
        raise
    return row


def _work_beside_visitors(row: Backfill) -> None:
    try:
        engine = resident.start()
        if engine.wait_ready():
            work(row, engine, in_flight=BESIDE_VISITORS)
        else:
            row.end(Backfill.State.FAILED, engine.error or "The engine was stopped.")
    except Exception:  # of a thread nobody waits for; the row has been ended
        log.exception("The run over stored messages broke off: %s", row.version)
    finally:
        connection.close()


@dataclass(frozen=True)
class _Decided:
    """What the model said, and what the fallback makes of it where it was asked."""

    result: Classified
    cached: bool
    opinion: Opinion | None


class _Run:
    """One thread writes; the engine's and the fallback's only post into the inbox."""

    def __init__(self, row: Backfill, engine, in_flight: int, progress: Progress):
        self.row, self.engine, self.in_flight, self.progress = row, engine, in_flight, progress
        self.task_run = TaskRun(row.version.task, row.version)
        self.system = ReplyPrompt.objects.current().system
        self.inbox: queue.SimpleQueue[tuple[int, Event | _Decided]] = queue.SimpleQueue()
        # What the engine or the fallback has been asked about, and with which examples.
        self.open: dict[int, tuple[Message, TaskRun]] = {}
        self.labelled = self.failed = 0
        self.beat_at = time.monotonic() + BEAT_SECONDS

    def over(self, since: datetime | None) -> None:
        for message in self._messages(since):
            while len(self.open) >= self.in_flight:
                self._take()
            self._ask(message)
        while self.open:
            self._take()
        self.row.beat(self.labelled, self.failed)
        stopped = self._outdated()
        self.row.end(Backfill.State.STOPPED if stopped else Backfill.State.DONE, stopped or "")

    def _messages(self, since: datetime | None) -> Iterator[Message]:
        """Newest first, in chunks; ends early when the task is not what it was."""
        left, rows = self.row.total, pending(self.row.version, since)
        last = None
        while left > 0 and not self._outdated():
            chunk = list((rows.filter(pk__lt=last) if last else rows)[: min(CHUNK, left)])
            if not chunk:
                return
            yield from chunk
            left, last = left - len(chunk), chunk[-1].pk

    def _outdated(self) -> str | None:
        task = Task.objects.get(pk=self.task_run.task.pk)
        if task.archived:
            return "The task was archived."
        if task.current_id != self.row.version_id:
            return "Another version was published."
        return None

    def _ask(self, message: Message) -> None:
        model_id = self.engine.model_id
        run = examples.shown(self.task_run, message.text, message.pk)
        if known := run.recall(message.text, model_id):
            self._settle(message, run, known, cached=True)
            return
        alone = self.row.version.context == TaskVersion.Context.MESSAGE
        rows = [] if alone else messages.up_to(message)
        part = run.part(message.text, history.prompt_messages(self.system, rows))
        self._submit(Request.of([part]), message)
        self.open[message.pk] = message, run

    def _submit(self, request: Request, message: Message) -> None:
        while True:
            try:
                self.engine.submit(request, lambda event: self.inbox.put((message.pk, event)))
                return
            except QueueFull:  # visitors come first
                self._make_room()

    def _make_room(self) -> None:
        """Wait for an answer, or for a moment where none of this run's is due."""
        if self.open:
            self._take()
        else:
            time.sleep(FULL_SECONDS)

    def _take(self) -> None:
        try:
            pk, event = self.inbox.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise TimeoutError(f"The engine gave no answer in {ANSWER_SECONDS} s.") from None
        message, run = self.open.pop(pk)
        match event:
            case Classified():
                run.remember(message.text, event, self.engine.model_id)
                self._settle(message, run, event, cached=False)
            case Extracted():
                extractions.record(message, run, event, self.engine.model_id)
                self._count(labelled=1)
            case _Decided():
                self._record(message, run, event)
            case _:
                log.error("Message %s was not labelled: %s", pk, event.message)
                self._count(failed=1)

    def _settle(self, message: Message, run: TaskRun, result: Classified, *, cached: bool) -> None:
        """Write it down, or let the fallback decide first: others are read meanwhile."""
        if not deciding.is_unsure(run, result, self.engine.model_id):
            self._record(message, run, _Decided(result, cached, None))
            return
        self.open[message.pk] = message, run
        deciding.ask(
            run,
            message.text,
            lambda opinion: self.inbox.put((message.pk, _Decided(result, cached, opinion))),
        )

    def _record(self, message: Message, run: TaskRun, answer: _Decided) -> None:
        labels.record(
            message,
            run,
            answer.result,
            self.engine.model_id,
            cached=answer.cached,
            opinion=answer.opinion,
        )
        self._count(labelled=1)

    def _count(self, *, labelled: int = 0, failed: int = 0) -> None:
        self.labelled += labelled
        self.failed += failed
        self.progress(1)
        if time.monotonic() >= self.beat_at:
            self.beat_at = time.monotonic() + BEAT_SECONDS
            self.row.beat(self.labelled, self.failed)
