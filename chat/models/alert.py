"""When staff are told that a conversation turns bad: rules, and the alerts they raised."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from chat.models.conversation import Conversation
from chat.models.message import Message

LONGEST = 50  # messages that a rule may look back


class AlertRuleQuerySet(models.QuerySet):
    def enabled(self) -> "AlertRuleQuerySet":
        return self.filter(enabled=True).order_by("pk")

    def install_defaults(self) -> None:
        """One rule of each kind, where there is none at all."""
        if not self.exists():
            kinds = self.model.Kind
            self.create(name="A very negative message", kind=kinds.MESSAGE)
            self.create(name="Negative again and again", kind=kinds.REPEATED)
            self.create(name="The mood turns", kind=kinds.SHIFT)


class AlertRule(models.Model):
    """What counts as turning bad. Switched off, never deleted: alerts name their rule."""

    class Kind(models.TextChoices):
        MESSAGE = "message", "One message is very negative"
        REPEATED = "repeated", "Several of the last messages are negative"
        SHIFT = "shift", "The mood has turned worse"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    enabled = models.BooleanField(default=True)
    threshold = models.FloatField(
        default=0.9,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="For one message: from this probability of a negative label on (0 to 1).",
    )
    k = models.PositiveSmallIntegerField(
        "how many",
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST)],
        help_text="For several messages: so many are negative ...",
    )
    n = models.PositiveSmallIntegerField(
        "of the last",
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST)],
        help_text="... of so many that the visitor wrote last.",
    )
    points = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(20), MaxValueValidator(100)],
        help_text="For a turn: the trend has fallen by so many points of 100; up to 20 is steady.",
    )
    webhook = models.BooleanField(
        "send to the webhook", default=True, help_text="Does nothing without ALERT_WEBHOOK_URL."
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = AlertRuleQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(threshold__gte=0, threshold__lte=1),
                name="alert_threshold_0_to_1",
            ),
            models.CheckConstraint(
                condition=models.Q(k__gte=1, k__lte=models.F("n")), name="alert_k_of_n"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.k and self.n and self.k > self.n:
            raise ValidationError({"k": f"There are only {self.n} messages to look at."})


class AlertQuerySet(models.QuerySet):
    def open(self) -> "AlertQuerySet":
        return self.filter(seen=None)


class Alert(models.Model):
    """A rule's word about one message; open until somebody has seen to it."""

    rule = models.ForeignKey(AlertRule, on_delete=models.PROTECT, related_name="alerts")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="alerts")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="alerts")
    reason = models.CharField(max_length=120)
    created = models.DateTimeField(default=timezone.now)
    seen = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint(fields=["rule", "message"], name="one_alert")]
        indexes = [
            models.Index(fields=["-created"], condition=models.Q(seen=None), name="open_alerts")
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


class Delivery(models.Model):
    """An alert on its way to the webhook: tried until it arrives, or too often."""

    alert = models.OneToOneField(Alert, on_delete=models.CASCADE, related_name="delivery")
    attempts = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(null=True, help_text="When it is tried next; empty: never again.")
    delivered = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["due"], condition=models.Q(due__isnull=False), name="due_deliveries"
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert} ({'delivered' if self.delivered else 'on its way'})"
