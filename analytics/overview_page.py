"""The page that a lead opens first: who needs help now, and how the time before went."""

from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics import choices, queries, rollup
from analytics.access import desk_only
from analytics.filters import ORDERS, WORST
from analytics.overview import overview as figures
from analytics.overview_filter import OverviewFilter
from analytics.trouble import LOST, RECOVERED, in_trouble
from chat.models import Conversation

SHOWN = 10  # conversations in trouble; the rest are a link away


@require_safe
@desk_only
def overview(request: HttpRequest) -> HttpResponse:
    """Counts what changed since the last look, then shows what was asked for."""
    left = rollup.look()
    tasks = choices.tasks()
    form = OverviewFilter(request.GET, tasks=tasks)
    context = {"form": form, "left": left, "zone": settings.TIME_ZONE}
    if form.is_valid():
        context |= _trouble(form) | _outcomes(form) | {"overview": figures(form, tasks)}
    return render(request, "analytics/overview.html", context)


def _trouble(form: OverviewFilter) -> dict:
    found = Conversation.objects.filter(in_trouble(), form.conversations(), message_count__gt=0)
    page = queries.page_of(found.order_by(*ORDERS[WORST]), "1")
    shown = page.object_list[:SHOWN]
    words = queries.worst_words([row.id for row in shown])
    everything = form.behind(since="", until="", trouble="on", order=WORST)
    return {
        "trouble": [replace(row, preview=words[row.id] or row.preview) for row in shown],
        "in_trouble": page.paginator.count,
        "trouble_address": everything,
    }


def _outcomes(form: OverviewFilter) -> dict:
    return {f"{each}_address": form.behind(outcome=each) for each in (RECOVERED, LOST)}
