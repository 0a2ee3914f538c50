"""What tasks wrote about messages as JSON: to read, to search and to narrow by its values."""

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from chat.admin.read_only import ReadOnlyAdmin
from chat.models import Extraction
from inference import schemas
from inference.models import Task, TaskVersion


class TaskFilter(SimpleListFilter):
    title = "task"
    parameter_name = "task"

    def lookups(self, request, model_admin):
        rows = Task.objects.filter(versions__in=_writing_versions()).distinct().order_by("name")
        return list(rows.values_list("slug", "name"))

    def queryset(self, request, queryset):
        return queryset.filter(version__task__slug=self.value()) if self.value() else queryset


class ResultFilter(SimpleListFilter):
    title = "result"
    parameter_name = "result"

    def lookups(self, request, model_admin):
        return [("valid", "Follows the schema"), ("problem", "Has a problem")]

    def queryset(self, request, queryset):
        match self.value():
            case "valid":
                return queryset.filter(problem="")
            case "problem":
                return queryset.exclude(problem="")
        return queryset


class ValueFilter(SimpleListFilter):
    """The words that schemas let the model choose from."""

    title = "value"
    parameter_name = "value"

    def lookups(self, request, model_admin):
        written = _writing_versions().values_list("schema", flat=True)
        return [
            (f"{name}={word}", f"{name}: {word}")
            for name, words in sorted(_choices(written).items())
            for word in words
        ]

    def queryset(self, request, queryset):
        if self.value() not in dict(self.lookup_choices):
            return queryset
        name, _, word = self.value().partition("=")
        return having(queryset, name, word)


def having(rows: QuerySet[Extraction], name: str, value: str) -> QuerySet[Extraction]:
    """The rows whose JSON has this text as the value of `name`."""
    return rows.alias(found=KeyTransform(name, "data")).filter(found=value)


@admin.register(Extraction)
class ExtractionAdmin(ReadOnlyAdmin):
    fields = [
        "conversation",
        "said",
        "version",
        "model_id",
        "named",
        "text",
        "problem",
        "tokens",
        "latency",
        "created",
    ]
    readonly_fields = ["conversation", "said", "named", "latency"]
    list_display = ["said", "named", "version", "conversation", "when"]
    list_display_links = ["said"]
    list_filter = [
        TaskFilter,
        ValueFilter,
        ResultFilter,
        ("created", admin.DateFieldListFilter),
        ("message__conversation__status", admin.ChoicesFieldListFilter),
        ("message__conversation__language", admin.AllValuesFieldListFilter),
    ]
    search_fields = ["text", "message__text"]
    search_help_text = "An order number or other words of what was written, or of the message"
    list_select_related = ["message__conversation", "version__task"]
    list_per_page = 50
    ordering = ["-created"]
    show_full_result_count = False

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    @display(description="Message")
    def said(self, row: Extraction) -> SafeString:
        words = Truncator(row.message.text).chars(140)
        return format_html('<span class="desk-said" dir="auto">{}</span>', words)

    @display(description="What it names")
    def named(self, row: Extraction) -> SafeString:
        return format_html('<span dir="auto">{}</span>', str(row))

    @display(description="Conversation")
    def conversation(self, row: Extraction) -> SafeString:
        talk = row.message.conversation
        address = reverse("admin:chat_conversation_change", args=[talk.pk])
        anchor = f"#message-{row.message.seq}"
        return format_html('<a class="desk-link" href="{}{}">{}</a>', address, anchor, talk)

    @display(description="Time", ordering="created")
    def when(self, row: Extraction) -> str:
        return timezone.localtime(row.created).strftime("%Y-%m-%d %H:%M")

    @display(description="Took")
    def latency(self, row: Extraction) -> str:
        return f"{row.latency_ms:.0f} ms"


def _writing_versions() -> QuerySet[TaskVersion]:
    return TaskVersion.objects.exclude(schema="")


def _choices(written) -> dict[str, dict[str, None]]:
    """By property, the words of all schemas, each once."""
    found: dict[str, dict[str, None]] = {}
    for schema in written:
        for name, words in schemas.choices(schema).items():
            found.setdefault(name, {}).update(dict.fromkeys(words))
    return found
