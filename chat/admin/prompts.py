"""The assistant's persona: every save publishes a new version, old ones stay as they were."""

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from chat.models import ReplyPrompt

WRITTEN = ["bot_name", "greeting", "greeting_zh", "system"]
PUBLISH = {
    "title": "Publish a new version",
    "show_save_and_add_another": False,
    "show_save_and_continue": False,
}


@admin.register(ReplyPrompt)
class ReplyPromptAdmin(ModelAdmin):
    fields = WRITTEN
    list_display = ["__str__", "answers_now", "author", "created"]
    list_select_related = ["author"]
    warn_unsaved_form = True

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_fields(self, request, obj=None) -> list[str]:
        return ["edit", *WRITTEN, "answers_now", "author", "created"] if obj else WRITTEN

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_changeform_initial_data(self, request) -> dict:
        """A new version begins as the one in the address, else as the one that answers now."""
        asked = request.GET.get("version", "")
        rows = ReplyPrompt.objects.filter(Q(active=True) | Q(pk=asked if asked.isdecimal() else 0))
        start = min(rows, key=lambda row: row.active)  # both: the one asked for
        return {name: getattr(start, name) for name in WRITTEN}

    def add_view(self, request, form_url="", extra_context=None):
        return super().add_view(request, form_url, PUBLISH | (extra_context or {}))

    def save_model(self, request, obj, form, change) -> None:
        fields = {name: form.cleaned_data[name] for name in WRITTEN}
        obj.pk = ReplyPrompt.objects.publish(author=request.user, **fields).pk

    @display(description="To change it")
    def edit(self, row: ReplyPrompt) -> SafeString:
        address = reverse("admin:chat_replyprompt_add")
        text = "Publish a new version that begins as this one"
        return format_html(
            '<a class="desk-link" href="{}?version={}">{}</a>', address, row.pk, text
        )

    @display(description="Answers now", boolean=True)
    def answers_now(self, row: ReplyPrompt) -> bool:
        return row.active
