"""The phrases of the router: what must reach a person, needs no reply, or calls a task."""

from django.conf import settings
from django.contrib import admin
from unfold.admin import ModelAdmin

from chat.models import RoutingPhrase

MODES = {
    "all": "Every enabled task reads every message. Only phrases that must reach a person count.",
    "keyword": "All of these phrases count.",
    "model": "The model chooses the tasks. Only phrases that must reach a person count.",
}


@admin.register(RoutingPhrase)
class RoutingPhraseAdmin(ModelAdmin):
    fields = ["kind", "phrase", "task"]
    list_display = ["phrase", "kind", "task"]
    list_filter = ["kind", "task"]
    list_select_related = ["task"]
    search_fields = ["phrase"]
    list_before_template = "admin/chat/routingphrase/mode.html"

    class Media:
        css = {"all": ["chat-admin/desk.css"]}

    def changelist_view(self, request, extra_context=None):
        mode = {"mode": settings.CHAT_ROUTER, "mode_says": MODES[settings.CHAT_ROUTER]}
        return super().changelist_view(request, mode | (extra_context or {}))
