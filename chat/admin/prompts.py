"""The assistant's persona: every save publishes a new version, old ones stay as they were."""

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.decorators import display

from chat.models import ReplyPrompt

WRITTEN = ["bot_name", "greeting", "greeting_zh", "system"]


@admin.register(ReplyPrompt)
class ReplyPromptAdmin(ModelAdmin):
    fields = WRITTEN
    list_display = ["__str__", "answers_now", "author", "created"]
    list_select_related = ["author"]
    warn_unsaved_form = True

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_fields(self, request, obj=None) -> list[str]:
        return [*WRITTEN, "answers_now", "author", "created"] if obj else WRITTEN

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_changeform_initial_data(self, request) -> dict:
        """A new version begins as the one that answers now."""
        current = ReplyPrompt.objects.filter(active=True).first()
        started = {name: getattr(current, name) for name in WRITTEN} if current else {}
        return started | super().get_changeform_initial_data(request)

    def add_view(self, request, form_url="", extra_context=None):
        page = {"title": "Publish a new version", **(extra_context or {})}
        return super().add_view(request, form_url, page)

    def save_model(self, request, obj, form, change) -> None:
        fields = {name: form.cleaned_data[name] for name in WRITTEN}
        obj.pk = ReplyPrompt.objects.publish(author=request.user, **fields).pk

    @display(description="Answers now", boolean=True)
    def answers_now(self, row: ReplyPrompt) -> bool:
        return row.active
