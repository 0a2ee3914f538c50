"""A run over stored messages, as staff see its progress."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat import owner
from inference.models import Task, TaskVersion

HEARTBEAT_EXPIRES = timedelta(minutes=10)  # longer than the engine may take for one answer


class BackfillQuerySet(models.QuerySet):
    def running(self) -> "BackfillQuerySet":
        return self.filter(state=Backfill.State.RUNNING)

    def alive(self, task: Task) -> "Backfill | None":
        """The run that is labelling for this task now; dead ones are closed on the way."""
        for row in self.running().filter(version__task=task):
            if not row.is_abandoned:
                return row
            row.end(Backfill.State.INTERRUPTED, "Its process is gone.")
        return None


class Backfill(models.Model):
    """What one run over the stored messages has done; the labels themselves tell what is left."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"  # archived, or another version was published
        INTERRUPTED = "interrupted", "Interrupted"
        FAILED = "failed", "Failed"

    version = models.ForeignKey(TaskVersion, on_delete=models.PROTECT, related_name="+")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    state = models.CharField(max_length=11, choices=State, default=State.RUNNING)
    total = models.PositiveIntegerField(default=0)
    labelled = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True)
    owner = models.CharField(max_length=120, default=owner.me)
    heartbeat = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True, blank=True)

    objects = BackfillQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.version}: {self.labelled} of {self.total}"

    @property
    def is_abandoned(self) -> bool:
        """It says that it runs, but nobody runs it."""
        running = self.state == self.State.RUNNING
        silent = self.heartbeat < timezone.now() - HEARTBEAT_EXPIRES
        return running and (silent or owner.is_dead(self.owner))

    def beat(self, labelled: int, failed: int) -> None:
        """Say how far the run is, and that it lives."""
        self.labelled, self.failed, self.heartbeat = labelled, failed, timezone.now()
        self.save(update_fields=["labelled", "failed", "heartbeat"])

    def end(self, state: str, problem: str = "") -> None:
        self.state, self.finished = state, timezone.now()
        self.problem = problem[: self._meta.get_field("problem").max_length]
        self.save(update_fields=["state", "finished", "problem"])
