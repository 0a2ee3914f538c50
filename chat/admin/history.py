"""Who decided what: every review ever added, to read and to search."""

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from chat.admin.read_only import ReadOnlyAdmin
from chat.models import Review


@admin.register(Review)
class ReviewHistoryAdmin(ReadOnlyAdmin):
    list_display = [
        "said",
        "model_label",
        "verdict",
        "label",
        "reviewer",
        "settled",
        "note",
        "when",
    ]
    list_display_links = None
    list_filter = [
        "verdict",
        "label",
        ("reviewer", admin.RelatedOnlyFieldListFilter),
        "settles",
        ("created", admin.DateFieldListFilter),
    ]
    search_fields = ["classification__message__text", "note", "reviewer__username"]
    search_help_text = "Words of the message or the note, name of the reviewer"
    list_select_related = ["classification__message", "reviewer"]
    list_per_page = 50
    ordering = ["-created", "-pk"]
    show_full_result_count = False

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    @display(description="Message")
    def said(self, row: Review) -> SafeString:
        address = reverse("admin:chat_classification_change", args=[row.classification_id])
        words = Truncator(row.classification.message.text).chars(100)
        return format_html(
            '<a class="desk-link desk-said" dir="auto" href="{}">{}</a>', address, words
        )

    @display(description="The model's label", ordering="classification__label")
    def model_label(self, row: Review) -> str:
        return row.classification.label

    @display(description="Disagreement", ordering="settles")
    def settled(self, row: Review) -> str:
        return "Settled" if row.settles else ""

    @display(description="Time", ordering="created")
    def when(self, row: Review) -> str:
        return timezone.localtime(row.created).strftime("%Y-%m-%d %H:%M")
