"""Verbs on what the model wrote about a message as JSON."""

from collections.abc import Iterable

from chat.labels import TaskRun
from chat.models import Conversation, Extraction, Message
from chat.models.extraction import PROBLEM_LENGTH
from inference import schemas
from inference.sequence import Extracted


def record(message: Message, run: TaskRun, result: Extracted, model_id: str) -> Extraction:
    """Store the JSON of a message, once: what follows the schema, else why it does not."""
    version = run.version
    data, problem = schemas.read(result.text, version.schema, result.cut_at)
    with Conversation.objects.changing(message.conversation_id):
        row, _ = Extraction.objects.get_or_create(
            message=message,
            version=version,
            model_id=model_id,
            defaults={
                "text": result.text,
                "data": data,
                "problem": problem[:PROBLEM_LENGTH],
                "tokens": result.completion_tokens,
                "latency_ms": result.latency_ms,
            },
        )
    return row


def standing(rows: Iterable[Extraction]) -> list[Extraction]:
    """The newest of each task of one message, by the name of the task; `rows` oldest first."""
    newest = {row.version.task_id: row for row in rows}
    return sorted(newest.values(), key=lambda row: row.version.task.name)
