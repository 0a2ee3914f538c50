"""Exports as downloads: streamed while they are read, so that their size does not matter."""

import time
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from analytics import queries, rollup
from analytics.access import desk_only, no_access
from analytics.exports import DATASETS, MAY_EXPORT, Dataset, chunks
from analytics.filters import ConversationFilter
from analytics.formats import FORMATS, written

PATIENCE = 10  # seconds that a download is kept waiting while conversations are counted
BEHIND = (
    "Tasks' labels and outcomes are looked up in counts, which lack the changes of {left} "
    "conversations. Try again in a minute, or run manage.py count_conversations first."
)


@dataclass(frozen=True)
class Download:
    """What the list offers: a table, and the address of each of its formats."""

    name: str
    formats: tuple[str, ...]


def offered(request: HttpRequest) -> list[Download]:
    """The tables that this person may take out."""
    tables = (each for each in DATASETS.values() if _may_export(request, each))
    return [Download(table.name, tuple(FORMATS)) for table in tables]


@require_GET
@desk_only
def export(request: HttpRequest, dataset: str, format: str) -> HttpResponse:
    """A table of the conversations that the list's filter lets through.

    A page may ignore a filter that makes no sense and say so; a file would silently hold more
    than was asked for, so here it is refused with 400. For the same reason what the rollup
    answers waits until that is up to date, or is refused with 503 where this takes too long.
    """
    if dataset not in DATASETS or format not in FORMATS:
        raise Http404
    table = DATASETS[dataset]
    if not _may_export(request, table):
        return no_access(request)
    form = ConversationFilter(request.GET, labels=queries.mood_labels().names)
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=400, content_type="text/plain")
    if form.from_rollup and (left := _uncounted()):
        return HttpResponse(BEHIND.format(left=left), status=503, content_type="text/plain")
    wanted = queries.conversations(form) if form.active else None
    return _streamed(table, format, wanted)


def _uncounted() -> int:
    """How many conversations the rollup still lacks after some seconds of counting."""
    end = time.monotonic() + PATIENCE
    for _ in rollup.catch_up():
        if time.monotonic() > end:
            return rollup.left()
    return 0


def _streamed(table: Dataset, format: str, wanted) -> StreamingHttpResponse:
    rows = written(table.columns, chunks(table, wanted), FORMATS[format].text)
    name = f"{table.name}-{timezone.localdate():%Y-%m-%d}.{format}"
    return StreamingHttpResponse(
        rows,
        content_type=FORMATS[format].content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _may_export(request: HttpRequest, table: Dataset) -> bool:
    return request.user.has_perms([MAY_EXPORT, table.right])
