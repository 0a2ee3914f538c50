"""Tasks: switches are changed in place, wording by publishing a new version."""

import json

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from chat.admin.prompts import PUBLISH
from chat.models import Classification
from inference.models import Task, TaskVersion, labels_problem

WRITTEN = ["task", "prompt", "labels", "context"]
NAME_LENGTH = Classification._meta.get_field("label").max_length


class TaskForm(forms.ModelForm):
    class Meta:
        model = Task
        fields = ["enabled", "threshold"]

    def clean_threshold(self) -> float:
        threshold = self.cleaned_data["threshold"]
        if not 0 <= threshold <= 1:
            raise ValidationError("The threshold is a probability: give a number from 0 to 1.")
        return threshold


@admin.register(Task)
class TaskAdmin(ModelAdmin):
    form = TaskForm
    fields = ["name", "slug", "enabled", "threshold", "current", "publish"]
    readonly_fields = ["name", "slug", "current", "publish"]
    list_display = ["name", "slug", "enabled", "threshold", "current"]
    list_select_related = ["current__task"]

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    @display(description="Wording")
    def publish(self, row: Task) -> SafeString:
        address = reverse("admin:inference_taskversion_add")
        return format_html(
            '<a class="desk-link" href="{}?task={}">Publish a new version</a>', address, row.pk
        )


class LabelsField(forms.JSONField):
    """A list of labels with every key in its place, whatever was left out."""

    default_error_messages = {"invalid": "This is not valid JSON."}

    def prepare_value(self, value):
        if isinstance(value, list):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return super().prepare_value(value)

    def clean(self, value):
        labels = super().clean(value)
        if isinstance(labels, list) and all(isinstance(label, dict) for label in labels):
            return [_tidied(label) for label in labels]
        raise ValidationError('Give a list of labels, each written as {"name": ...}.')


class TaskVersionForm(forms.ModelForm):
    labels = LabelsField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 22, "spellcheck": "false"}),
        help_text=(
            "Each label has a name (the very word the model answers with), a description, a "
            'polarity (-1 bad, 0, 1 good) and flags: [] or ["review"].'
        ),
    )

    class Meta:
        model = TaskVersion
        fields = WRITTEN

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("prompt", "labels"):
            if name in self.fields:
                self.fields[name].required = True

    def clean_labels(self) -> list[dict]:
        labels = self.cleaned_data["labels"]
        if problem := labels_problem(labels):
            raise ValidationError(problem)
        return labels


@admin.register(TaskVersion)
class TaskVersionAdmin(ModelAdmin):
    form = TaskVersionForm
    list_display = ["__str__", "names", "context", "is_current", "created"]
    list_filter = ["task"]
    list_select_related = ["task"]
    warn_unsaved_form = True

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_fields(self, request, obj=None) -> list[str]:
        return [*WRITTEN, "number", "created"] if obj else WRITTEN

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_changeform_initial_data(self, request) -> dict:
        """A new version begins as the current one of the task that the address names."""
        asked = request.GET.get("task", "")
        tasks = Task.objects.select_related("current").order_by("pk")
        task = (tasks.filter(pk=asked) if asked.isdecimal() else tasks).first()
        if task is None or task.current is None:
            return {"task": task}
        current = task.current
        return {
            "task": task,
            "prompt": current.prompt,
            "labels": current.labels,
            "context": current.context,
        }

    def add_view(self, request, form_url="", extra_context=None):
        return super().add_view(request, form_url, PUBLISH | (extra_context or {}))

    def save_model(self, request, obj, form, change) -> None:
        version = obj.task.publish(
            prompt=obj.prompt, labels=form.cleaned_data["labels"], context=obj.context
        )
        obj.pk, obj.number = version.pk, version.number

    @display(description="Labels")
    def names(self, row: TaskVersion) -> str:
        return ", ".join(row.names)

    @display(description="Current", boolean=True)
    def is_current(self, row: TaskVersion) -> bool:
        return row.task.current_id == row.pk


def _tidied(label: dict) -> dict:
    name, flags = label.get("name"), label.get("flags") or []
    if not isinstance(name, str) or not name.strip():
        raise ValidationError("Every label needs a name.")
    if len(name.strip()) > NAME_LENGTH:
        raise ValidationError(f"A label's name has at most {NAME_LENGTH} characters.")
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise ValidationError(f"The flags of {name} are a list of words.")
    return {
        "name": name.strip(),
        "description": str(label.get("description") or ""),
        "polarity": label.get("polarity"),
        "flags": flags,
    }
