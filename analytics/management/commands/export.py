"""`manage.py export`: a table of the desk as CSV or JSON lines, whatever its size."""

import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from analytics.exports import DATASETS, Dataset, chunks
from analytics.filters import ConversationFilter
from analytics.formats import FORMATS, written
from chat.models import Conversation

ASKED = ("since", "until", "status")


class Command(BaseCommand):
    help = "Write conversations, messages, classifications or reviews as CSV or JSON lines."

    def add_arguments(self, parser):
        parser.add_argument("dataset", choices=DATASETS)
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--out", type=Path, help="file to write; without it, stdout")
        parser.add_argument("--since", help="conversations active from this day on (YYYY-MM-DD)")
        parser.add_argument("--until", help="conversations active up to this day")
        parser.add_argument("--status", help="conversations with this status")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, *, dataset, format, out, **options):
        if options["json"] and out is None:
            raise CommandError("--json needs --out: stdout holds the rows.")
        table = DATASETS[dataset]
        wanted = _wanted({name: options[name] or "" for name in ASKED})
        if out is None:
            _write(table, format, wanted, lambda text: self.stdout.write(text, ending=""))
            return
        with out.open("w", encoding="utf-8", newline="") as file:
            rows = _write(table, format, wanted, file.write)
        self.stdout.write(f"{rows} rows in {out}")
        if options["json"]:
            self.stdout.write(json.dumps({"dataset": dataset, "rows": rows, "out": str(out)}))


def _wanted(asked: dict[str, str]):
    """The conversations asked for; None is all."""
    form = ConversationFilter(asked)
    if not form.is_valid():
        problems = (f"--{name}: {errors[0]}" for name, errors in form.errors.items())
        raise CommandError(" ".join(problems))
    return form.narrow(Conversation.objects.all()) if form.active else None


def _write(table: Dataset, format: str, wanted, write: Callable[[str], object]) -> int:
    """Write the table with a progress bar; returns how many rows it had."""
    count = 0

    async def counted() -> AsyncIterator[list[dict]]:
        nonlocal count
        async for rows in chunks(table, wanted):
            count += len(rows)
            bar.update(len(rows))
            yield rows

    async def copy() -> None:
        async for text in written(table.columns, counted(), FORMATS[format].text):
            write(text)

    with tqdm(desc=table.name, unit=" rows", file=sys.stderr) as bar:
        async_to_sync(copy)()
    return count
