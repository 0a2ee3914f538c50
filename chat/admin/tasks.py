"""Tasks: switches are changed in place, wording by publishing a new version."""

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from chat import guidance
from chat.admin import versions
from chat.admin.backfills import backfill_view, runs, start_for_all
from chat.admin.publishing import PublishingForm, outlook
from chat.admin.read_only import ReadOnlyAdmin
from chat.admin.task_form import SWITCHES
from chat.admin.trials import MAY_TRY, TrialForm, try_view
from inference.fallback import resident as fallback
from inference.models import Task, TaskVersion
from inference.repeat import repeats

HISTORY = 20  # newest entries that stand beside the form


@admin.register(Task)
class TaskAdmin(ModelAdmin):
    """One form: the switches, and the wording, which makes a new version when it has changed."""

    form = PublishingForm
    list_display = ["name", "slug", "enabled", "threshold", "current", "wording", "archived"]
    list_filter = ["enabled", ("archived", admin.EmptyFieldListFilter)]
    list_select_related = ["current__task"]
    ordering = ["pk"]
    warn_unsaved_form = True
    list_before_template = "admin/inference/task/repeats.html"
    actions = [start_for_all]

    class Media:
        css = {"all": ["chat-admin/desk.css"]}
        js = ["chat-admin/try.js", "chat-admin/poll.js"]

    def get_urls(self):
        backfills = self.admin_site.admin_view(backfill_view)
        # The trials not through `admin_view`, which cannot await: the view itself asks who it is.
        return [
            path("<int:pk>/backfill/", backfills, name="inference_task_backfill"),
            path("try/", try_view, name="inference_task_try_new"),
            path("<int:pk>/try/", try_view, name="inference_task_try"),
            *versions.addresses(self.admin_site),
            *super().get_urls(),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("current__sensitivities")

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_fieldsets(self, request, obj=None):
        switches = ["enabled", "threshold", ("few_shot", "examples"), "guides_reply"]
        if obj is None:
            return [(None, {"fields": ["name", "slug"]}), *_wording(), _switches(switches)]
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ["name", "slug"]}), _switches([*switches, "archived"])]
        named = (None, {"fields": ["name", "slug", "based_on"]})
        return [named, _switches([*switches, "archive"]), *_wording()]

    def get_readonly_fields(self, request, obj=None):
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request, obj=None):
        return {} if obj else {"slug": ["name"]}

    def changelist_view(self, request, extra_context=None):
        page = {"repeats": repeats().counters, "fallback": fallback.report()}
        page |= extra_context or {}
        return super().changelist_view(request, page)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)  # a class of this request alone
        form.outlook = getattr(request, "outlook", None)
        return form

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        task = self.get_object(request, object_id) if object_id else None
        if task and request.method == "POST" and self.has_change_permission(request, task):
            request.outlook = outlook(self.get_object(request, object_id), request.POST)
        page = _beside(task) if task else {}
        if request.user.has_perm(MAY_TRY):
            page |= _trial(task)
        return super().changeform_view(request, object_id, form_url, page | (extra_context or {}))

    def save_model(self, request, obj, form, change) -> None:
        obj.save()
        if form.is_reworded:
            version = obj.publish(**form.wording)
            form.settle(request, version)
            text = f"Version {version.number} is published: the next message is read with it."
            messages.success(request, text)

    @display(description="Wording")
    def wording(self, row: Task) -> SafeString | str:
        found = row.current and versions.dependent(row.current)
        return versions.mark(found) if found else ""

    def construct_change_message(self, request, form, formsets, add=False) -> str:
        """What was changed from what to what, and which version it made."""
        changes = [
            f"{name}: {_said(form.initial.get(name))} → {_said(form.cleaned_data[name])}"
            for name in (*SWITCHES, "archive")
            if name in form.changed_data
            and form.initial.get(name) != form.cleaned_data[name]
            and not add
        ]
        if not add and form.initial["based_on"] == form.instance.current.number:
            return "; ".join(changes) or "Saved without a change"
        return "; ".join([*changes, f"published version {form.instance.current.number}"])


@admin.register(TaskVersion)
class TaskVersionAdmin(ReadOnlyAdmin):
    fields = [
        "task",
        "number",
        "prompt",
        "labelled",
        "context",
        "reasoning",
        "schema",
        "answer_tokens",
        "created",
    ]
    readonly_fields = ["labelled"]
    list_display = ["__str__", "answers", "context", "is_current", "depends", "created"]
    list_filter = ["task"]
    list_select_related = ["task"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("sensitivities")

    @display(description="Answers")
    def answers(self, row: TaskVersion) -> str:
        return row.answers

    @display(description="Labels")
    def labelled(self, row: TaskVersion) -> SafeString:
        lines = format_html_join("", "<li>{}: {} (polarity {}{})</li>", map(_cells, row.labels))
        return format_html("<ul>{}</ul>", lines)

    @display(description="Wording")
    def depends(self, row: TaskVersion) -> str:
        found = versions.dependent(row)
        return versions.meaning(found) if found else ""

    @display(description="Current", boolean=True)
    def is_current(self, row: TaskVersion) -> bool:
        return row.task.current_id == row.pk


def _switches(fields: list[str]) -> tuple[str, dict]:
    return ("Switches", {"fields": fields})


def _wording() -> list[tuple[str, dict]]:
    about = "Versions never change: saving other words here publishes the next one."
    return [
        ("Wording", {"fields": ["prompt", "context", "labels", "reasoning"], "description": about}),
        ("JSON instead of a label", {"fields": ["schema", "answer_tokens"]}),
    ]


def _beside(task: Task) -> dict:
    """What stands below the form: versions with their calibrations, and who changed what."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Task), object_id=task.pk
    )
    return {
        "versions": task.versions.prefetch_related("calibrations"),
        "compared": versions.rows(task),
        "waits": guidance.waits() if task.guides_reply else None,
        "entries": entries.select_related("user")[:HISTORY],
        **runs(task),
    }


def _trial(task: Task | None) -> dict:
    """The panel that tries the form as it stands."""
    names = ["inference_task_try", [task.pk]] if task else ["inference_task_try_new", []]
    return {"try_form": TrialForm(task), "try_address": reverse(f"admin:{names[0]}", args=names[1])}


def _cells(label: dict) -> tuple[str, ...]:
    flags = "".join(f", flag: {flag}" for flag in label.get("flags", []))
    flags += f", tells the reply: {label['guidance']}" if label.get("guidance") else ""
    polarity = f"{label['polarity']:+d}" if label["polarity"] else "0"
    return label["name"], label.get("description", ""), polarity, flags


def _said(value: bool | float | str) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else str(value)
