"""`manage.py bench_pages`: how long the desk's pages take on the server, and what they ask; how
soon an open page hears of a change, and what an export holds in memory.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median, quantiles

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import timezone
from tqdm import tqdm

from analytics import measuring, rollup
from analytics.exports import DATASETS
from analytics.measuring import Exported, Heard
from chat.models import Conversation, Message, User

VISITOR = "bench-pages"  # the name of the member of staff who looks at the pages
WARM_UP = 2
EXPORT = "messages"  # the largest table


@dataclass(frozen=True)
class Measured:
    """Milliseconds from request to rendered response, and database queries, of one page."""

    p50_ms: float
    p95_ms: float
    queries: int


class Command(BaseCommand):
    help = (
        "Measure the overview, the review queue, one conversation, a live update and an export, "
        "on the data that is here."
    )

    def add_arguments(self, parser):
        parser.add_argument("--rounds", type=int, default=40, help="times that a page is asked for")
        parser.add_argument("--limit-ms", type=float, help="fail if a page's p95 is above")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, *, rounds, limit_ms, **options):
        if rounds < 2:
            raise CommandError("--rounds must be 2 or more.")
        if rollup.left():
            raise CommandError("Figures are behind: run manage.py count_conversations first.")
        with _looking() as client, tqdm(total=0, desc="Requests", unit="") as bar:
            longest = _longest()
            addresses = _addresses(longest)
            bar.reset(total=rounds * len(addresses))
            pages = {
                name: _measure(client, address, rounds, bar) for name, address in addresses.items()
            }
            user = User.objects.get(username=VISITOR)
            live = async_to_sync(measuring.ring)(user, longest.pk, rounds)
        exported = async_to_sync(measuring.export)(DATASETS[EXPORT])
        self._tell(pages, live, exported, options["json"])
        slow = [name for name, page in pages.items() if limit_ms and page.p95_ms > limit_ms]
        if slow:
            raise CommandError(f"Over {limit_ms:g} ms: {', '.join(slow)}.")

    def _tell(self, pages: dict[str, Measured], live: Heard, exported: Exported, as_json) -> None:
        for name, page in pages.items():
            self.stdout.write(
                f"{name:22} p50 {page.p50_ms:7.1f} ms   p95 {page.p95_ms:7.1f} ms   "
                f"{page.queries} queries"
            )
        shown = live.shown_ms(max(page.p95_ms for page in pages.values()))
        self.stdout.write(
            f"{'live update':22} p50 {live.p50_ms:7.1f} ms   p95 {live.p95_ms:7.1f} ms   "
            f"on the slowest page after {shown:.0f} ms at most"
        )
        self.stdout.write(
            f"{'export of ' + EXPORT:22} {exported.rows} rows, {exported.mb} MB in "
            f"{exported.seconds} s, memory grew by {exported.grown_mb} MB"
        )
        if as_json:
            figures = {
                "database": connection.vendor,
                "conversations": Conversation.objects.count(),
                "messages": Message.objects.count(),
                "pages": {name: asdict(page) for name, page in pages.items()},
                "live": {**asdict(live), "shown_ms": shown},
                "export": {"table": EXPORT, **asdict(exported)},
            }
            self.stdout.write(json.dumps(figures))


@contextmanager
def _looking() -> Iterator[Client]:
    """A client that is logged in with every right, for as long as it lasts."""
    user = User.objects.create(username=VISITOR, is_staff=True, is_superuser=True, password="!")
    try:
        with override_settings(ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False):
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            yield client
            client.logout()
    finally:
        user.delete()


def _longest() -> Conversation:
    """The conversation that stands for the others."""
    longest = Conversation.objects.order_by("-message_count").first()
    if longest is None:
        raise CommandError("There is no conversation: run manage.py seed_bulk first.")
    return longest


def _addresses(longest: Conversation) -> dict[str, str]:
    """The pages by name."""
    overview = reverse("analytics:overview")
    queue = reverse("admin:chat_classification_changelist")
    return {
        "overview": overview,
        "overview, a year": f"{overview}?by=week&since={_year_ago()}",
        "overview, narrowed": f"{overview}?status=closed&language=en&has=sentiment:Negative",
        "queue": queue,
        "queue, all flagged": f"{queue}?queue=flagged",
        "list": reverse("analytics:conversations"),
        "conversation": reverse("analytics:conversation", args=[longest.pk]),
    }


def _year_ago() -> str:
    return (timezone.localdate() - timedelta(days=364)).isoformat()


def _measure(client: Client, address: str, rounds: int, bar: tqdm) -> Measured:
    for _ in range(WARM_UP):
        _ask(client, address)
    with CaptureQueriesContext(connection) as caught:
        _ask(client, address)
    queries, times = len(caught), []
    for _ in range(rounds):
        times.append(_ask(client, address))
        bar.update()
    p95 = quantiles(times, n=20, method="inclusive")[-1]
    return Measured(round(median(times), 1), round(p95, 1), queries)


def _ask(client: Client, address: str) -> float:
    """One request; milliseconds that it took.

    Raises:
        CommandError: the page is none.
    """
    began = time.perf_counter()
    response = client.get(address)
    took = 1000 * (time.perf_counter() - began)
    if response.status_code != 200:
        raise CommandError(f"{address} answers {response.status_code}.")
    return took
