"""Conversations: read what was said, hand over, close."""

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from chat import conversations
from chat.admin.decisions import ring_on_commit
from chat.models import Conversation, User
from chat.mood import band, trend_name
from chat.templatetags.desk import signed

STATUS_COLOURS = {
    "With the assistant": "info",
    "Waiting for a person": "warning",
    "With a person": "success",
    "Closed": "default",
}


class ConversationForm(forms.ModelForm):
    class Meta:
        model = Conversation
        fields = ["status", "assignee"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "assignee" in self.fields:
            self.fields["assignee"].queryset = User.objects.filter(is_active=True, is_staff=True)


@admin.register(Conversation)
class ConversationAdmin(ModelAdmin):
    """Only status and assignee change here, and only under the conversation's lock."""

    form = ConversationForm
    fieldsets = [
        (None, {"fields": ["status", "assignee"]}),
        (
            "About",
            {"fields": ["name", "email", "page", "language", "mood", "flagged", "created"]},
        ),
    ]
    readonly_fields = ["name", "email", "page", "language", "mood", "flagged", "created"]
    list_display = [
        "title",
        "status_label",
        "score",
        "open_flags",
        "messages",
        "assignee",
        "last_message",
    ]
    list_filter = [
        "status",
        "language",
        ("assignee", admin.RelatedOnlyFieldListFilter),
        ("last_message_at", admin.DateFieldListFilter),
    ]
    search_fields = ["name", "email", "last_text"]
    search_help_text = "Name, e-mail or words of the last message"
    list_select_related = ["assignee"]
    ordering = ["-last_message_at"]
    show_full_result_count = False
    change_form_template = "admin/chat/conversation/change_form.html"

    class Media:
        css = {"all": ["chat-admin/desk.css", "chat-admin/live.css"]}
        js = ["chat-admin/renew.js", "chat-admin/live.js"]

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def change_view(self, request, object_id, form_url="", extra_context=None):
        row = self.get_object(request, object_id)
        lines = row.messages.order_by("seq").with_extractions() if row else []
        page = {"lines": lines, "talk": row, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, page)

    def save_model(self, request, obj, form, change) -> None:
        """Write what the form changed and nothing else: the rest may have moved on meanwhile."""
        if "status" in form.changed_data:
            conversations.set_status(obj.pk, form.cleaned_data["status"])
        if "assignee" in form.changed_data:
            conversations.assign(obj.pk, form.cleaned_data["assignee"])
        ring_on_commit(obj.pk)

    @display(description="Conversation", ordering="name")
    def title(self, row: Conversation) -> SafeString:
        return format_html(
            '<span class="desk-title" dir="auto">{}<small>{}</small></span>', row, row.last_text
        )

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, row: Conversation) -> str:
        return row.get_status_display()

    @display(description="Mood", ordering="mood_score")
    def score(self, row: Conversation) -> str:
        if row.mood_score is None:
            return "–"
        return f"{band(row.mood_score).name} {signed(row.mood_score)}"

    @display(description="Mood")
    def mood(self, row: Conversation) -> str:
        if row.mood_trend is None:
            return self.score(row)
        return f"{self.score(row)}, {trend_name(row.mood_trend).lower()}"

    @display(description="Open flags", ordering="flagged")
    def open_flags(self, row: Conversation) -> int:
        return row.flagged

    @display(description="Messages", ordering="message_count")
    def messages(self, row: Conversation) -> int:
        return row.message_count

    @display(description="Last message", ordering="last_message_at")
    def last_message(self, row: Conversation) -> str:
        moment = row.last_message_at
        return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else "–"
