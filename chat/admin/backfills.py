"""Runs over stored messages: started from a task's page or from the list, watched on the page."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from chat import backfill
from chat.models import Backfill
from inference.models import Task

MAY_START = "inference.change_task"
SHOWN = 5  # newest runs of a task
COUNTED = 10_000  # waiting messages; counting millions would take as long as the page may
RUNS = "admin/inference/task/backfill_runs.html"


def runs(task: Task) -> dict:
    """What the page shows of a task's runs; `pending` says how much is left."""
    rows = Backfill.objects.filter(version__task=task).select_related("version__task", "started_by")
    running = Backfill.objects.alive(task)
    return {"runs": rows[:SHOWN], "running": running, "pending": _pending(task)}


def backfill_view(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: how far the runs are, as a piece of HTML. POST: start one, then the task's page."""
    if not request.user.has_perm(MAY_START):
        raise PermissionDenied
    task = get_object_or_404(Task.objects.select_related("current"), pk=pk)
    if request.method == "POST":
        _start(request, task)
        return redirect(reverse("admin:inference_task_change", args=[pk]))
    return render(request, RUNS, runs(task))


def start_for_all(model_admin, request: HttpRequest, queryset) -> None:
    """The list's action: one run for each of the chosen tasks."""
    for task in queryset:
        _start(request, task)


start_for_all.short_description = "Label stored messages"
start_for_all.allowed_permissions = ["change"]


def _pending(task: Task) -> str:
    if task.current is None:
        return "0"
    count = backfill.pending(task.current)[: COUNTED + 1].count()
    return f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}"


def _start(request: HttpRequest, task: Task) -> None:
    try:
        row = backfill.start(task, request.user)
    except backfill.CannotStart as error:
        messages.warning(request, str(error))
        return
    messages.success(request, f"{task}: labelling {row.total} stored messages in the background.")
