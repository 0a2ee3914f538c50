"""The chat page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.models import ReplyPrompt


@require_GET
def chat_page(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "chat/page.html",
        {
            "prompt": ReplyPrompt.objects.current(),
            "enabled": settings.CHAT_ENABLED,
            "max_text": settings.CHAT_MAX_TEXT,
        },
    )
