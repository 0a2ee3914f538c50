"""Publishing another wording: what it measures beside the current one, and a warning if worse."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest

from chat.admin.task_form import WORDING, TaskForm
from chat.evaluation import quality
from chat.evaluation.quality import Comparison, Figures
from chat.labels import TaskRun
from chat.trial import Unavailable
from inference.models import Task, TaskVersion

SALT = "chat.admin.publishing"
WORSE = "This wording measures worse than the current one. Confirm it, or change it."
VALID_SECONDS = 3600  # of a confirmation; the reviews move on


@dataclass(frozen=True)
class Outlook:
    """How a version would do that is about to become the current one.

    `confirmed` are figures that somebody saw and accepted, `unmeasured` says why there are none.
    """

    comparison: Comparison | None = None
    confirmed: Figures | None = None
    unmeasured: str = ""
    token: str = ""  # confirms this very version with these very figures

    @property
    def blocks(self) -> bool:
        return self.comparison is not None and self.comparison.is_worse

    @property
    def measured(self) -> Figures | None:
        """What can be stored with the version when it is published."""
        return self.confirmed or (self.comparison and self.comparison.candidate)


class PublishingForm(TaskForm):
    """A task's form that does not publish a worse wording unless that was confirmed."""

    outlook: Outlook | None = None  # set for each request

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.outlook and self.outlook.blocks:
            self.add_error(None, WORSE)
        return cleaned

    def settle(self, request: HttpRequest, version: TaskVersion) -> None:
        """Keep the figures of a version that was just published, or say why there are none."""
        if self.outlook and self.outlook.measured:
            quality.keep(version, self.outlook.measured)
        elif self.outlook and self.outlook.unmeasured:
            told = f"It was not compared with the version before: {self.outlook.unmeasured}"
            messages.warning(request, told)


def outlook(task: Task, sent: Mapping) -> Outlook | None:
    """What publishing the sent form would mean; None if it would publish nothing.

    Asks the model and waits for it, so it must not be called in a transaction.
    """
    form = TaskForm(sent, instance=task)
    form.is_valid()  # whatever else is wrong, the admin's own form tells
    if any(form.errors.get(name) for name in WORDING) or task.current is None:
        return None
    return of_version(form.draft(), sent.get("despite", "")) if form.is_reworded else None


def of_version(candidate: TaskVersion, despite: str = "") -> Outlook:
    """The outlook of a stored version or a draft; `despite` is the token of an earlier one.

    Waits for the model, as `outlook`.
    """
    if confirmed := _confirmed(despite, candidate):
        return Outlook(confirmed=confirmed)
    task = candidate.task
    try:
        found = quality.compare(TaskRun(task, candidate), TaskRun(task, task.current))
    except Unavailable as error:
        return Outlook(unmeasured=str(error))
    written = {"version": _digest(candidate), "figures": asdict(found.candidate)}
    return Outlook(found, token=signing.dumps(written, salt=SALT))


def _confirmed(token: str, version: TaskVersion) -> Figures | None:
    try:
        written = signing.loads(token, salt=SALT, max_age=VALID_SECONDS)
    except signing.BadSignature:
        return None
    return Figures(**written["figures"]) if written["version"] == _digest(version) else None


def _digest(version: TaskVersion) -> str:
    """This wording in place of the version that is current now."""
    task = version.task
    wording = [*(getattr(version, name) for name in WORDING), task.pk, task.current_id]
    return hashlib.sha256(json.dumps(wording, sort_keys=True).encode()).hexdigest()
