"""What the model wrote about a message, where a task asks for JSON and not for a label."""

import json
from collections.abc import Mapping

from django.db import models
from django.utils import timezone

from chat.models.message import Message
from inference.models import TaskVersion

PROBLEM_LENGTH = 300  # characters


class Extraction(models.Model):
    """The JSON of one message by one version of a task on one model. Nobody decides on it: it has
    no label, so it stands in no count and in no queue.
    """

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="extractions")
    version = models.ForeignKey(TaskVersion, on_delete=models.PROTECT, related_name="+")
    model_id = models.CharField(max_length=200)
    text = models.TextField(help_text="As it was written.")
    data = models.JSONField(
        null=True, blank=True, help_text="The same to search in; none if there is a problem."
    )
    problem = models.CharField(
        max_length=PROBLEM_LENGTH, blank=True, help_text="Why it is not what the schema asks for."
    )
    tokens = models.PositiveIntegerField(help_text="How many were written.")
    latency_ms = models.FloatField()
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "extracted detail"
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "version", "model_id"], name="one_extraction"
            )
        ]
        indexes = [models.Index(fields=["-created"], name="newest_extractions")]

    def __str__(self) -> str:
        said = ", ".join(f"{name} {value}" for name, value in self.pairs)
        return said or self.problem or "nothing named"

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What is named, in the order that it was written in; null is left out."""
        return named(json.loads(self.text)) if self.data is not None else []


def named(data: Mapping) -> list[tuple[str, str]]:
    """The values as people read them, without those that are null."""
    return [(name, _shown(value)) for name, value in data.items() if value is not None]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
