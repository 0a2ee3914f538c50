"""A task's versions side by side: what they measured, measuring them, going back to one."""

from dataclasses import dataclass

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.admin.publishing import Outlook, of_version
from chat.evaluation import quality
from chat.labels import TaskRun
from chat.trial import Unavailable
from inference.models import Task, TaskVersion, VersionQuality, VersionSensitivity

MAY_CHANGE = "inference.change_task"
WORSE = "admin/inference/task/worse_version.html"


@dataclass(frozen=True)
class Row:
    """A version with its newest figures by one model; without a measurement `quality` is None."""

    version: TaskVersion
    quality: VersionQuality | None
    dependent: VersionSensitivity | None
    comparable: bool  # with the newest measurement of all
    overtaken: bool  # the version was fitted anew since it was measured

    @property
    def meaning(self) -> str:
        """What the mark on a dependent version means."""
        return meaning(self.dependent) if self.dependent else ""


def rows(task: Task) -> list[Row]:
    """Every version, the newest first, once for each model that measured it."""
    found = VersionQuality.objects.filter(version__task=task).order_by("pk")
    true = set(found.still_true().values_list("pk", flat=True))
    newest = {(each.version_id, each.model_id): each for each in found}
    last = max(newest.values(), key=lambda each: each.pk, default=None)
    return [
        Row(
            version,
            each,
            dependent(version),
            comparable=_comparable(each, last),
            overtaken=each is not None and each.pk not in true,
        )
        for version in task.versions.select_related("task").prefetch_related("sensitivities")
        for each in [row for (pk, _), row in newest.items() if pk == version.pk] or [None]
    ]


def dependent(version: TaskVersion) -> VersionSensitivity | None:
    """The newest measurement that says that a version's labels hang on its very words, if any."""
    found = sorted(version.sensitivities.all(), key=lambda each: each.pk)
    newest = {each.model_id: each for each in found}
    return next((each for each in reversed(newest.values()) if each.is_large), None)


def meaning(found: VersionSensitivity) -> str:
    """What a large spread means, for people who did not measure it."""
    return (
        "Depends on its words: with other words that should change nothing, its macro-F1 varies "
        f"by {found.macro_f1_spread:.2f} and {found.flipped:.0%} of {found.n} labels change "
        f"({found.model_id}). Trust its figures less, and try a plainer prompt."
    )


def mark(found: VersionSensitivity) -> SafeString:
    """The same in three words, with the meaning to be read on them."""
    return format_html(
        '<span class="desk-flag" title="{}">Depends on its words</span>', meaning(found)
    )


def addresses(site) -> list[URLPattern]:
    """Where the buttons of a version lead."""
    return [
        path(
            f"<int:pk>/versions/<int:number>/{name}/",
            site.admin_view(view),
            name=f"inference_task_{name}",
        )
        for name, view in (("measure", measure_view), ("activate", activate_view))
    ]


def measure_view(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Let the model read the reviewed messages with a version, then back to the task's page."""
    version = _version(request, pk, number)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        found = quality.measure(TaskRun(version.task, version))
    except Unavailable as error:
        messages.warning(request, f"{version} was not measured: {error}")
    else:
        text = f"{version} was measured on {found.n} reviewed messages."
        messages.success(request, text)
    return _back(pk)


def activate_view(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Make another version the current one; one that measures worse needs to be confirmed."""
    version = _version(request, pk, number)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    task = version.task
    if task.current_id == version.pk:
        messages.info(request, f"{version} is the current version already.")
        return _back(pk)
    found = of_version(version, request.POST.get("despite", ""))
    if found.blocks:
        page = {"version": version, "outlook": found, "title": f"{version} measures worse"}
        return render(request, WORSE, {**_site(request), **page})
    _activate(request, version, found)
    return _back(pk)


def _activate(request: HttpRequest, version: TaskVersion, found: Outlook) -> None:
    task = version.task
    said = f"version: {task.current.number} → {version.number}"
    task.activate(version)
    LogEntry.objects.log_actions(request.user.pk, [task], CHANGE, said, single_object=True)
    if found.measured:
        quality.keep(version, found.measured)
    messages.success(request, f"{version} is current: the next message is read with it.")
    if found.unmeasured:
        messages.warning(request, f"It was not compared: {found.unmeasured}")


def _comparable(each: VersionQuality | None, last: VersionQuality | None) -> bool:
    names = ("test_set", "examples", "model_id")
    return each is not None and all(getattr(each, name) == getattr(last, name) for name in names)


def _version(request: HttpRequest, pk: int, number: int) -> TaskVersion:
    if not request.user.has_perm(MAY_CHANGE):
        raise PermissionDenied
    known = TaskVersion.objects.select_related("task__current")
    return get_object_or_404(known, task=pk, number=number)


def _site(request: HttpRequest) -> dict:
    return {**admin.site.each_context(request), "opts": Task._meta}


def _back(pk: int) -> HttpResponse:
    return redirect(reverse("admin:inference_task_change", args=[pk]))
