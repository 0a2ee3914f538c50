"""Phrases that decide what happens to a message, edited by staff."""

from django.core.exceptions import ValidationError
from django.db import models

from chat import default_phrases
from inference import presets
from inference.models import Task


class RoutingPhraseQuerySet(models.QuerySet):
    def install_defaults(self) -> None:
        """The lists of a fresh machine; nothing where there is any phrase."""
        if self.exists():
            return
        kind, mood = RoutingPhrase.Kind, Task.objects.filter(slug=presets.SENTIMENT.slug).first()
        rows = [(kind.PERSON, phrase, None) for phrase in default_phrases.PERSON]
        rows += [(kind.QUIET, phrase, None) for phrase in default_phrases.QUIET]
        if mood:
            rows += [(kind.TASK, phrase, mood) for phrase in default_phrases.MOOD]
        self.bulk_create(
            RoutingPhrase(kind=kind, phrase=phrase, task=task) for kind, phrase, task in rows
        )


class RoutingPhrase(models.Model):
    """Words that bring a person, ask for no reply, or call a task."""

    class Kind(models.TextChoices):
        PERSON = "person", "Must reach a person"
        QUIET = "quiet", "Needs no reply, when it is the whole message"
        TASK = "task", "Calls a task"

    kind = models.CharField(max_length=6, choices=Kind)
    phrase = models.CharField(
        max_length=80, help_text="Letter case and spaces do not matter; whole words are compared."
    )
    task = models.ForeignKey(
        Task,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="phrases",
        help_text="With phrases of its own, a task runs only on messages that hold one of them.",
    )

    objects = RoutingPhraseQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "task", "phrase"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="task", task__isnull=False)
                | models.Q(~models.Q(kind="task"), task__isnull=True),
                name="task_phrases_name_a_task",
            ),
            models.UniqueConstraint(
                fields=["kind", "phrase"],
                condition=models.Q(task__isnull=True),
                name="one_phrase_of_a_kind",
                violation_error_message="This phrase already exists.",
            ),
            models.UniqueConstraint(
                fields=["task", "phrase"],
                condition=models.Q(task__isnull=False),
                name="one_phrase_of_a_task",
                violation_error_message="This phrase already exists.",
            ),
        ]

    def __str__(self) -> str:
        return self.phrase

    def clean(self) -> None:
        self.phrase = " ".join(self.phrase.split())
        calls = self.kind == self.Kind.TASK
        if calls and self.task is None:
            raise ValidationError({"task": "Choose the task that this phrase calls."})
        if not calls and self.task is not None:
            raise ValidationError({"task": "Only phrases that call a task name one."})
