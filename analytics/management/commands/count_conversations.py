"""`manage.py count_conversations`: bring the overview's figures up to date."""

import json

from django.core.management.base import BaseCommand
from tqdm import tqdm

from analytics import rollup


class Command(BaseCommand):
    help = "Count every conversation that changed since the overview was last looked at."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, **options):
        counted = 0
        with tqdm(total=rollup.left(), desc="Conversations", unit="") as bar:
            for step in rollup.catch_up():
                counted += step
                bar.update(step)
        self.stdout.write(f"{counted} conversations counted")
        if options["json"]:
            self.stdout.write(json.dumps({"counted": counted}))
