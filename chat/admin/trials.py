"""The try-it panel: what the form holds, or a stored version, read by the model now."""

from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from chat import reply_trial, trial
from chat.admin.task_form import WORDING, TaskForm
from chat.labels import TaskRun
from inference.models import Task, TaskVersion

MAY_TRY = "inference.change_task"
MAY_READ = "chat.view_message"
PANEL = "admin/inference/task/try_result.html"


class TrialForm(forms.Form):
    """What to try, and on which messages. Its inputs belong to the page's one form."""

    prefix = "try"

    version = forms.ModelChoiceField(
        TaskVersion.objects.none(),
        label="Wording",
        required=False,
        empty_label="As written above",
        widget=UnfoldAdminSelectWidget,
    )
    texts = forms.CharField(
        label="Messages, one a line",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "dir": "auto"}),
    )
    last = forms.IntegerField(
        label="Or so many of the newest stored messages",
        required=False,
        min_value=1,
        max_value=trial.MOST,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    replies = forms.BooleanField(
        label="Answer them too",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=(
            f"The first {reply_trial.MOST}, with and without what their label tells the reply."
        ),
    )

    def __init__(self, task: Task | None, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if task:
            self.fields["version"].queryset = task.versions.select_related("task")
        for field in self.fields.values():
            field.widget.attrs["form"] = "task_form"

    def clean_texts(self) -> list[str]:
        texts = [line.strip() for line in self.cleaned_data["texts"].splitlines() if line.strip()]
        if len(texts) > trial.MOST:
            raise ValidationError(f"At most {trial.MOST} messages at a time, not {len(texts)}.")
        if any(len(text) > settings.CHAT_MAX_TEXT for text in texts):
            raise ValidationError(f"A message has at most {settings.CHAT_MAX_TEXT} characters.")
        return texts

    def clean(self) -> dict:
        given = [name for name in ("texts", "last") if self.cleaned_data.get(name)]
        if len(given) != 1 and not self.errors:
            raise ValidationError("Paste messages, or say how many stored ones to read.")
        return self.cleaned_data


@dataclass(frozen=True)
class Asked:
    """A trial that may be run, or else why it may not."""

    run: TaskRun | None = None
    subjects: tuple[trial.Subject, ...] = ()
    problems: tuple[str, ...] = ()
    replies: bool = False


async def try_view(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The panel's result as a piece of HTML: 200, or 400 and 503 with what is wrong."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    asked = await trial.in_thread(_read)(request, pk)
    if asked.problems:
        return _panel(400, problems=asked.problems)
    try:
        report = await trial.run(asked.run, asked.subjects, replies=asked.replies)
    except trial.Unavailable as error:
        return _panel(503, problems=[str(error)])
    version = asked.run.version
    names = version.properties if version.writes_json else version.names
    columns = len(names) + 1 + (not version.writes_json)
    return _panel(200, report=report, version=version, names=names, columns=columns)


def _panel(status: int, **context) -> HttpResponse:
    return HttpResponse(render_to_string(PANEL, context), status=status)


def _read(request: HttpRequest, pk: int | None) -> Asked:
    if not (request.user.is_active and request.user.is_staff and request.user.has_perm(MAY_TRY)):
        raise PermissionDenied
    task = get_object_or_404(Task.objects.select_related("current"), pk=pk) if pk else None
    form = TrialForm(task, request.POST)
    if not form.is_valid():
        return Asked(problems=_problems(form))
    if form.cleaned_data["last"] and not request.user.has_perm(MAY_READ):
        raise PermissionDenied
    version = form.cleaned_data["version"]
    if version is None:
        draft = TaskForm(request.POST, instance=task)
        if problems := _problems(draft, *WORDING, "few_shot", "examples"):
            return Asked(problems=problems)
        version = draft.draft()
    replies = form.cleaned_data["replies"]
    return Asked(TaskRun(version.task, version), _subjects(form), replies=replies)


def _subjects(form: TrialForm) -> tuple[trial.Subject, ...]:
    last, texts = form.cleaned_data["last"], form.cleaned_data["texts"]
    return tuple(trial.stored(last) if last else trial.pasted(texts))


def _problems(form: forms.BaseForm, *only: str) -> tuple[str, ...]:
    """Each error with its field's name; those of the form as a whole always belong to it."""
    fields = only or tuple(form.fields)
    named = [
        f"{form.fields[name].label or name.capitalize()}: {error}"
        for name in fields
        for error in form.errors.get(name, [])
    ]
    return (*form.non_field_errors(), *named)
