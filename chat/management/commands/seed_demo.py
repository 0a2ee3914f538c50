"""`manage.py seed_demo`: fill the desk with conversations whose moods the model has read."""

import json
import time
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from chat import demo
from inference import resident
from inference.errors import EngineRefusal


class Command(BaseCommand):
    help = "Make believable conversations; replies and moods come from the model."

    def add_arguments(self, parser):
        parser.add_argument("--days", type=int, default=30, help="how far back they reach")
        parser.add_argument("--conversations", type=int, default=40)
        parser.add_argument("--seed", type=int, default=0, help="the same seed tells the same")
        parser.add_argument("--again", action="store_true", help="add more to an earlier run's")
        parser.add_argument("--json", action="store_true", help="the last line is a JSON object")

    def handle(self, *, days, conversations, seed, again, **options):
        if days < 1 or conversations < 1:
            raise CommandError("--days and --conversations must be 1 or more.")
        if demo.is_seeded() and not again:
            raise CommandError("There are demo conversations already: --again adds more.")
        began = time.monotonic()
        report = self._seed(days, conversations, seed)
        figures = asdict(report) | {
            "model": resident.engine().model_id,
            "seconds": round(time.monotonic() - began, 1),
        }
        self.stdout.write(
            f"{report.conversations} conversations, {report.messages} messages, "
            f"{report.flagged} flagged, {report.reviews} decisions, {figures['seconds']} s"
        )
        self.stdout.write(f"The demo switched these tasks on: {', '.join(demo.TASKS)}")
        if options["json"]:
            self.stdout.write(json.dumps(figures, ensure_ascii=False))

    def _seed(self, days: int, conversations: int, seed: int) -> demo.Report:
        serves = resident.engine().state != "new"  # `up --demo`: visitors go on talking to it
        engine = resident.start()
        try:
            if not engine.wait_ready():
                raise CommandError(f"The model did not load: {engine.error}")
            with tqdm(total=conversations, desc="Conversations", unit="") as bar:
                return demo.seed(engine, days, conversations, seed, lambda done, _: bar.update(1))
        except (EngineRefusal, TimeoutError) as error:
            raise CommandError(str(error)) from None
        finally:
            if not serves:
                resident.stop()
