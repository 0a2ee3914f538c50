"""The pages of the dashboard. They read; what they show is changed in the admin."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from analytics import agreement as agreements
from analytics import downloads, queries, rollup
from analytics.access import desk_only, no_access
from analytics.filters import ConversationFilter
from analytics.transcripts import transcript
from chat.models import Conversation


@require_safe
@desk_only
def conversations(request: HttpRequest) -> HttpResponse:
    """The list, narrowed and ordered, with totals of what it holds."""
    left = rollup.look()
    form = ConversationFilter(request.GET, labels=queries.mood_labels().names)
    found = queries.conversations(form)
    page = queries.page_of(found, request.GET.get("page"))
    context = {
        "form": form,
        "left": left,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "summary": queries.summary(page.paginator, narrowed=form.active),
        "downloads": downloads.offered(request),
    }
    return render(request, "analytics/conversations.html", context)


@require_safe
@desk_only
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """One conversation: its messages with their labels, beside its mood over time."""
    return _transcript(request, conversation_id, "analytics/conversation.html")


@require_safe
@desk_only
def printable(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The same for paper: every message once, in order, without anything to press."""
    return _transcript(request, conversation_id, "analytics/printable.html")


@require_safe
@desk_only
def agreement(request: HttpRequest) -> HttpResponse:
    """How often people's decisions agree with the model's labels."""
    if not request.user.has_perm("chat.view_review"):
        return no_access(request)
    context = {"agreement": agreements.agreement(), "weeks": agreements.WEEKS}
    return render(request, "analytics/agreement.html", context)


def _transcript(request: HttpRequest, conversation_id: UUID, template: str) -> HttpResponse:
    found = get_object_or_404(Conversation.objects.select_related("assignee"), pk=conversation_id)
    return render(request, template, {"talk": transcript(found)})
