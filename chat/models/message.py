"""A message: a visitor's words, or a reply on its way from `queued` to an end."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.models.conversation import Conversation


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    STREAMING = "streaming", "Streaming"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    INTERRUPTED = "interrupted", "Interrupted"
    FAILED = "failed", "Failed"


class Role(models.TextChoices):
    VISITOR = "visitor", "Visitor"
    ASSISTANT = "assistant", "Assistant"
    AGENT = "agent", "Agent"
    SYSTEM = "system", "System"


RUNNING = (State.QUEUED, State.STREAMING)
RETRYABLE = (State.STOPPED, State.INTERRUPTED, State.FAILED)


class MessageQuerySet(models.QuerySet):
    def replies(self) -> "MessageQuerySet":
        return self.filter(role=Role.ASSISTANT)

    def running(self) -> "MessageQuerySet":
        return self.filter(state__in=RUNNING)

    def with_extractions(self) -> "MessageQuerySet":
        """With what tasks wrote about each, in two more queries whatever their number."""
        return self.prefetch_related("extractions__version__task")

    def from_visitor(self) -> "MessageQuerySet":
        return self.filter(role=Role.VISITOR)


class Message(models.Model):
    State = State
    Role = Role

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    seq = models.PositiveIntegerField()
    role = models.CharField(max_length=9, choices=Role)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )
    text = models.TextField(blank=True)
    client_id = models.CharField(max_length=64, null=True, blank=True)
    answers = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="reply"
    )
    state = models.CharField(max_length=11, choices=State, default=State.DONE)
    attempt = models.PositiveIntegerField(default=1)
    rev = models.PositiveBigIntegerField()
    created = models.DateTimeField(default=timezone.now)

    # A running reply
    owner = models.CharField(max_length=120, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    stop_requested = models.BooleanField(default=False)

    # How a reply was made
    prompt = models.ForeignKey(
        "chat.ReplyPrompt", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    model_id = models.CharField(max_length=200, blank=True)
    truncated = models.BooleanField(default=False)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    first_token_ms = models.FloatField(null=True, blank=True)
    total_ms = models.FloatField(null=True, blank=True)
    guidance = models.TextField(blank=True, help_text="What the message's labels told the reply.")
    label_wait_ms = models.FloatField(
        null=True,
        blank=True,
        help_text="How long the reply waited for those labels; comes on top of first_token_ms.",
    )

    # The visitor's mood in this message: the model's label until a person corrects it
    label = models.CharField(max_length=40, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    score = models.FloatField(null=True, blank=True)
    scores = models.JSONField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["conversation", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="one_seq"),
            models.UniqueConstraint(
                fields=["conversation", "client_id"],
                condition=models.Q(client_id__isnull=False),
                name="one_client_id",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(role="assistant", state="streaming"),
                name="one_streaming_reply",
            ),
        ]
        indexes = [
            models.Index(fields=["conversation", "rev"]),
            models.Index(
                fields=["state"],
                condition=models.Q(state__in=["queued", "streaming"]),
                name="running_replies",
            ),
            models.Index(fields=["created"]),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.seq}"
