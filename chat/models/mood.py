"""What the model said about a message, what people decided, and counts for the dashboards."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from chat.models.message import Message
from inference.models import Calibration, Task, TaskVersion


class ClassificationQuerySet(models.QuerySet):
    def flagged(self) -> "ClassificationQuerySet":
        return self.filter(flagged=True)

    def disputed(self) -> "ClassificationQuerySet":
        return self.filter(disputed=True)

    def unreviewed(self) -> "ClassificationQuerySet":
        return self.filter(reviewed=False)


class Classification(models.Model):
    """One label of one message by one version of a task on one model."""

    class Source(models.TextChoices):
        MODEL = "model", "The model"
        FALLBACK = "fallback", "The fallback classifier"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="classifications")
    version = models.ForeignKey(TaskVersion, on_delete=models.PROTECT, related_name="+")
    model_id = models.CharField(max_length=200)
    logprobs = models.JSONField(help_text="Label to raw log-probability.")
    calibration = models.ForeignKey(
        Calibration, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    probabilities = models.JSONField(help_text="Label to calibrated probability.")
    label = models.CharField(max_length=40)
    confidence = models.FloatField()
    source = models.CharField(max_length=8, choices=Source, default=Source.MODEL)
    fallback_id = models.CharField(
        max_length=200, blank=True, default="", help_text="The classifier, where it decided."
    )
    cached = models.BooleanField(default=False)
    latency_ms = models.FloatField()
    examples = models.PositiveSmallIntegerField(
        default=0, help_text="Reviewed messages that the model was shown with it."
    )
    thought = models.TextField(
        blank=True, default="", help_text="What the model wrote before it chose the label."
    )
    thought_tokens = models.PositiveIntegerField(default=0)
    flagged = models.BooleanField(default=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who is to decide on it; anybody may.",
    )
    reviewed = models.BooleanField(default=False, help_text="Somebody has decided on it.")
    disputed = models.BooleanField(
        default=False, help_text="Reviewers decided differently, and nobody has settled it."
    )
    created = models.DateTimeField(default=timezone.now)

    objects = ClassificationQuerySet.as_manager()

    class Meta:
        verbose_name = "message label"
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(
                fields=["message", "version", "model_id"], name="one_classification"
            )
        ]
        indexes = [
            models.Index(
                fields=["-created"], condition=models.Q(flagged=True), name="review_queue"
            ),
            models.Index(
                fields=["-created"],
                condition=models.Q(flagged=True, reviewed=False),
                name="open_flags",
            ),
            models.Index(
                fields=["-created"], condition=models.Q(disputed=True), name="disagreements"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.confidence:.0%})"

    @property
    def decided_label(self) -> str:
        """The label that counts: the latest decision, else the model's. Reads all reviews once."""
        dismissed = Review.Verdict.DISMISSED
        decisions = [review for review in self.reviews.all() if review.verdict != dismissed]
        return max(decisions, key=lambda review: review.pk).label if decisions else self.label

    @property
    def opinions(self) -> "list[Review]":
        """What each reviewer thinks by now, oldest first: their latest decision since the last one
        that settled a disagreement. A dismissal is no opinion. Reads all reviews once.
        """
        latest: dict[int, Review] = {}
        for review in sorted(self.reviews.all(), key=lambda review: review.pk):
            if review.settles:
                latest.clear()
            if review.verdict != Review.Verdict.DISMISSED:
                latest[review.reviewer_id] = review
        return sorted(latest.values(), key=lambda review: review.pk)

    @property
    def disagreed(self) -> bool:
        """Whether the reviewers' opinions differ."""
        return len({review.label for review in self.opinions}) > 1


class Review(models.Model):
    """What a person decided about a classification. Added, never edited; adding one takes the
    classification out of the queue.
    """

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        CORRECTED = "corrected", "Corrected"
        DISMISSED = "dismissed", "Dismissed"

    classification = models.ForeignKey(
        Classification, on_delete=models.CASCADE, related_name="reviews"
    )
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=9, choices=Verdict)
    label = models.CharField(max_length=40)
    note = models.CharField(max_length=500, blank=True)
    settles = models.BooleanField(default=False, help_text="It ended a disagreement.")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created", "-pk"]
        permissions = [("settle_review", "Can settle disagreements")]

    def __str__(self) -> str:
        return f"{self.verdict} as {self.label}"

    def save(self, *args, **kwargs):
        if self.pk and not self._state.adding:
            raise ValidationError("A review cannot be changed: add another one.")
        super().save(*args, **kwargs)
        Classification.objects.filter(pk=self.classification_id).update(reviewed=True)


class MoodCount(models.Model):
    """How many messages a task gave a label in one 15-minute bucket (UTC), by decided label."""

    MINUTES = 15

    bucket = models.DateTimeField()
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=40)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bucket", "task", "label"], name="one_mood_count")
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%Y-%m-%d %H:%M} {self.label}: {self.count}"

    @classmethod
    def add(cls, moment, task_id: int, label: str, step: int = 1) -> None:
        """Count one message up (`step` 1) or down (-1) in the bucket that holds `moment`."""
        start = moment.replace(
            minute=moment.minute - moment.minute % cls.MINUTES, second=0, microsecond=0
        )
        row, _ = cls.objects.get_or_create(bucket=start, task_id=task_id, label=label)
        cls.objects.filter(pk=row.pk).update(count=models.F("count") + step)
