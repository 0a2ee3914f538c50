"""The rollup: what conversations add to the figures of the overview. Derived, never the truth.

Every row belongs to one conversation, so counting a conversation again is to replace its rows, and
deleting it takes them away. `analytics/rollup.py` writes them.
"""

from uuid import UUID

from django.conf import settings
from django.db import models

from chat.models import Conversation
from inference.models import Task

FIRST_ID = UUID(int=0)


class Counted(models.Model):
    """What both tables can be narrowed by; copied here because a join costs more than the rest."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    day = models.DateField(help_text="In the time zone of the desk.")
    status = models.CharField(max_length=8)
    language = models.CharField(max_length=16)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        abstract = True


class ConversationHour(Counted):
    """What one conversation adds to one hour. Messages count in the hour they were written, the
    conversation itself and how it went in the hour of its last message.
    """

    hour = models.DateTimeField(help_text="When it begins.")
    counted = models.DateTimeField(help_text="`Conversation.changed` as it was then.")
    messages = models.PositiveIntegerField(default=0)
    negative = models.PositiveIntegerField(default=0)
    neutral = models.PositiveIntegerField(default=0)
    positive = models.PositiveIntegerField(default=0)
    conversations = models.PositiveSmallIntegerField(default=0)
    recovered = models.PositiveSmallIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0)
    first_token_ms = models.JSONField(
        default=list, help_text="Of every reply, from the message on."
    )
    label_ms = models.JSONField(default=list, help_text="Of every mood label.")

    class Meta:
        indexes = [
            models.Index(  # all that the sums read, so that they never touch the table
                name="conversation_hour_sums",
                fields=[
                    *("day", "hour", "status", "language", "assignee", "conversation"),
                    *("messages", "negative", "neutral", "positive"),
                    *("conversations", "recovered", "lost"),
                ],
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "hour"], name="one_conversation_hour")
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.hour:%Y-%m-%d %H:%M}"


class ConversationLabel(Counted):
    """How often one conversation got a label of a task on one day, by the label that counts."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="+")
    label = models.CharField(max_length=40)
    count = models.PositiveIntegerField(default=0)
    negative = models.PositiveIntegerField(default=0, help_text="Of these, by the mood.")

    class Meta:
        indexes = [
            models.Index(
                name="conversation_label_sums",
                fields=[
                    *("task", "day", "label", "count", "negative"),
                    *("status", "language", "assignee", "conversation"),
                ],
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "task", "label", "day"], name="one_conversation_label"
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.label}"


class Watermark(models.Model):
    """How far the rollup has come through `Conversation.changed`; a single row."""

    changed = models.DateTimeField()
    conversation_id = models.UUIDField(default=FIRST_ID, help_text="The last one, of equal times.")
    zone = models.CharField(max_length=64, help_text="The days and hours are those of this zone.")

    def __str__(self) -> str:
        return f"{self.changed.isoformat()} in {self.zone}"
