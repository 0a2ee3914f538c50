"""Read the labels of texts from the command line, a file or a pipe."""

import json
import queue
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from inference import calibration, resident, schemas
from inference.errors import EngineRefusal, ModelError
from inference.fallback import resident as fallback
from inference.models import Task, TaskVersion
from inference.sequence import Classified, Event, Extracted
from inference.tasks import Affine, Classify, Extract, Request

WINDOW = 32  # texts given to the engine at a time


class Command(BaseCommand):
    help = (
        "Classify texts with a task's current wording, each as a message alone (as a whole "
        "conversation, where the task reads those), or write the JSON that it asks for. "
        "Texts come as arguments, from --file (one a line), or from a pipe."
    )

    def add_arguments(self, parser):
        parser.add_argument("text", nargs="*", help="texts to classify")
        parser.add_argument("--file", type=Path, help="a UTF-8 file with one text a line")
        parser.add_argument("--task", default="sentiment", help="slug of the task (sentiment)")
        parser.add_argument(
            "--json", action="store_true", help="last line of stdout is one JSON object"
        )

    def handle(self, *args, **options):
        texts = _texts(options["text"], options["file"])
        version = _version(options["task"])
        engine = _start()
        affine = _affine(engine, version)
        results = []
        with tqdm(total=len(texts), unit="text", file=sys.stderr, disable=None) as bar:
            for text, event in _classify(engine, version, affine, texts):
                results.append(_result(version, text, event))
                bar.update()
                if not options["json"]:
                    bar.clear()
                    self.stdout.write(_line(results[-1]))
        if options["json"]:
            self.stdout.write(json.dumps(_summary(version, engine, results), ensure_ascii=False))
        failed = sum("error" in each for each in results)
        if failed:
            raise CommandError(f"{failed} of {len(results)} texts could not be classified.")


def _texts(arguments: list[str], file: Path | None) -> list[str]:
    if arguments and file:
        raise CommandError("Give texts or --file, not both.")
    if file:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"--file {file} cannot be read: {error}") from error
    elif arguments:
        lines = arguments
    elif sys.stdin is None or sys.stdin.isatty():
        raise CommandError("Give texts as arguments, with --file, or through a pipe.")
    else:
        lines = _piped().splitlines()
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise CommandError("There is no text to classify.")
    return texts


def _piped() -> str:
    try:
        text = sys.stdin.read()
        text.encode()  # some locales let bytes through that are no text, as surrogates
    except UnicodeError as error:
        raise CommandError(f"The pipe cannot be read: {error}") from error
    return text.removeprefix("\ufeff")


def _version(slug: str) -> TaskVersion:
    try:
        tasks = {t.slug: t for t in Task.objects.filter(current__isnull=False).order_by("slug")}
    except DatabaseError as error:
        raise CommandError(f"The database is not ready ({error}). Run migrate first.") from error
    if slug not in tasks:
        known = ", ".join(tasks) or "none yet"
        raise CommandError(f"--task {slug} does not exist. There are: {known}.")
    return tasks[slug].current


def _start():
    try:
        fallback.check()
        engine = resident.start()
    except (ImproperlyConfigured, ModelError) as error:
        raise CommandError(str(error)) from error
    if not engine.wait_ready():
        raise CommandError(engine.error or "The engine was stopped.")
    return engine


def _affine(engine, version: TaskVersion) -> Affine:
    if version.writes_json:
        return Affine()
    try:
        found = calibration.for_version(engine, version)
    except (EngineRefusal, RuntimeError) as error:
        raise CommandError(str(error)) from error
    return found.affine


def _classify(
    engine, version: TaskVersion, affine: Affine, texts: list[str]
) -> Iterator[tuple[str, Event]]:
    """Each text with its terminal event, in the order of the texts, some always in flight."""
    answers: queue.SimpleQueue[Event] = queue.SimpleQueue()
    early: dict[str, Event] = {}
    asked = 0
    for number, text in enumerate(texts):
        while asked < len(texts) and asked < number + WINDOW:
            part = _part(version, str(asked), texts[asked], affine)
            engine.submit(Request.of([part]), answers.put)
            asked += 1
        while str(number) not in early:
            event = answers.get()
            early[event.part] = event
        yield text, early.pop(str(number))


def _part(version: TaskVersion, key: str, text: str, affine: Affine) -> Classify | Extract:
    messages = calibration.context(version, text)
    if version.writes_json:
        return Extract(key, messages, version.schema, version.answer_tokens)
    return Classify(key, messages, version.names, affine, version.reasoning)


def _result(version: TaskVersion, text: str, event: Event) -> dict:
    if isinstance(event, Extracted):
        data, problem = schemas.read(event.text, version.schema, event.cut_at)
        return {"text": text, "error": problem} if problem else {"text": text, "data": data}
    if not isinstance(event, Classified):
        return {"text": text, "error": event.message}
    other = fallback.opinion(version, text, event.confidence)
    said = other or event
    return {
        "text": text,
        "label": said.label,
        "confidence": round(said.confidence, 4),
        "scores": {label: round(value, 4) for label, value in said.probabilities.items()},
        **({"decided_by": other.model_id} if other else {}),
    }


def _line(result: dict) -> str:
    if "error" in result:
        return f"failed ({result['error']})\t{result['text']}"
    if "data" in result:
        return f"{json.dumps(result['data'], ensure_ascii=False)}\t{result['text']}"
    label = result["label"] + (" (fallback)" if "decided_by" in result else "")
    return f"{label}\t{result['confidence']:.2f}\t{result['text']}"


def _summary(version: TaskVersion, engine, results: list[dict]) -> dict:
    return {
        "task": version.task.slug,
        "version": version.number,
        "model": engine.model_id,
        "n": len(results),
        "counts": dict(Counter(each["label"] for each in results if "label" in each)),
        "results": results,
    }
