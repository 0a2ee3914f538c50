"""A conversation: the row that is locked, counted and given a new `rev` by every change."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chat import mood

if TYPE_CHECKING:
    from chat.models.message import Message

PREVIEW = 160  # characters of the last message kept for lists


class ConversationQuerySet(models.QuerySet):
    @contextmanager
    def changing(self, pk: uuid.UUID) -> Iterator["Conversation"]:
        """One unit of work: lock the conversation, let the caller change it, save it.

        Every verb that writes about a conversation goes through here, so changes of one
        conversation happen one after another and its `rev` orders them.
        """
        with transaction.atomic():
            conversation = self.select_for_update().get(pk=pk)
            yield conversation
            conversation.save()


class Conversation(models.Model):
    class Status(models.TextChoices):
        BOT = "bot", "With the assistant"
        WAITING = "waiting", "Waiting for a person"
        HUMAN = "human", "With a person"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor = models.CharField("visitor key", max_length=64, db_index=True, editable=False)
    name = models.CharField(max_length=80, blank=True)
    email = models.EmailField(blank=True)
    page = models.CharField(max_length=500, blank=True, help_text="Where the chat was opened.")
    language = models.CharField(max_length=16, default="en")
    status = models.CharField(max_length=8, choices=Status, default=Status.BOT)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    rev = models.PositiveBigIntegerField(default=0, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    changed = models.DateTimeField(auto_now=True, help_text="By any verb, labels included.")

    # Aggregates for lists, kept by the verbs
    last_message_at = models.DateTimeField(null=True, editable=False)
    last_text = models.CharField(max_length=PREVIEW, blank=True, editable=False)
    message_count = models.PositiveIntegerField(default=0, editable=False)
    visitor_count = models.PositiveIntegerField(default=0, editable=False)
    mood_score = models.FloatField(null=True, editable=False)
    mood_trend = models.FloatField(null=True, editable=False)
    flagged = models.PositiveIntegerField(default=0, editable=False)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-last_message_at"]
        permissions = [("export_conversation", "Can export conversations")]
        indexes = [
            models.Index(fields=["-last_message_at"]),
            models.Index(fields=["status", "-last_message_at"]),
            models.Index(fields=["changed", "id"]),
            models.Index(fields=["language", "message_count"]),  # the second to count without rows
            models.Index(
                fields=["flagged"],
                condition=models.Q(flagged__gt=0),
                name="flagged_conversations",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Visitor {str(self.id)[:8]}"

    def next_rev(self) -> int:
        """A new `rev` for a row that changes; call it inside `changing`."""
        self.rev += 1
        return self.rev

    def set_status(self, status: str) -> None:
        """Change who the visitor talks to; call it inside `changing`."""
        if status != self.status:
            self.status = status
            self.next_rev()

    def ask_for_person(self) -> None:
        """Let the visitor wait for a person, who may be there already; inside `changing`."""
        if self.status == self.Status.BOT:
            self.set_status(self.Status.WAITING)

    def show_last(self, text: str, rows: Iterable["Message"] | None = None) -> None:
        """Put the newest words into lists, and count the messages that have any: the `rows`, where
        the caller has read all of them."""
        self.last_message_at = timezone.now()
        self.last_text = " ".join(text.split())[:PREVIEW]
        if rows is not None:
            roles = [row.role for row in rows if row.text]
            self.message_count, self.visitor_count = len(roles), roles.count("visitor")
            return
        counts = self.messages.exclude(text="").aggregate(
            all=models.Count("pk"),
            visitor=models.Count("pk", filter=models.Q(role="visitor")),
        )
        self.message_count, self.visitor_count = counts["all"], counts["visitor"]

    def refresh_mood(self) -> None:
        """Recompute the mood aggregates from the visitor's scored messages."""
        scored = self.messages.filter(score__isnull=False).order_by("seq")
        scores = list(scored.values_list("score", flat=True))
        self.mood_score = mood.conversation_score(scores)
        self.mood_trend = mood.conversation_trend(scores)
