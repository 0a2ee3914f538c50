"""`manage.py seed_bulk`: fill a database for measurements, without the model."""

import json
import time

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from chat.demo import bulk
from chat.models import Conversation


class Command(BaseCommand):
    help = "Make conversations in bulk: mood, labels and decisions are drawn, not read by a model."

    def add_arguments(self, parser):
        parser.add_argument("--conversations", type=int, default=100_000)
        parser.add_argument("--messages", type=int, default=2_000_000, help="of all of them")
        parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same")
        parser.add_argument("--yes", action="store_true", help="even if there are some already")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, *, conversations, messages, seed, yes, **options):
        if not 1 <= conversations <= messages:
            raise CommandError("--conversations must be 1 or more, --messages one for each.")
        if Conversation.objects.exists() and not yes:
            raise CommandError("This database has conversations: --yes adds these to them.")
        began = time.monotonic()
        with tqdm(total=conversations, desc="Conversations", unit="") as bar:
            bulk.fill(bulk.Size(conversations, messages), seed, bar.update)
        seconds = round(time.monotonic() - began, 1)
        self.stdout.write(f"{conversations} conversations, {messages} messages, {seconds} s")
        if options["json"]:
            figures = {"conversations": conversations, "messages": messages, "seconds": seconds}
            self.stdout.write(json.dumps(figures))
