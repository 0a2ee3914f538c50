"""Tasks: a job for the model is a prompt and its labels, or a prompt and a schema."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from inference import presets, schemas
from inference.calibration import digest
from inference.labelset import answer_problem
from inference.measured import VersionQuality, VersionSensitivity
from inference.sequence import REPLY
from inference.tasks import JSON_TOKENS, Affine

__all__ = [
    "Calibration",
    "Task",
    "TaskVersion",
    "VersionQuality",
    "VersionSensitivity",
    "install_presets",
]
MOST_EXAMPLES = 8  # that a message is read with
MOST_THOUGHT = 512  # tokens; more would keep others waiting for a single label
MOST_WRITTEN = 1024  # tokens of JSON
NAMED_LIKE_THE_REPLY = (
    f"No task can be called “{REPLY}”: the reply itself has this name. Any other will do, such as "
    f"“{REPLY}-check”."
)


class TaskQuerySet(models.QuerySet):
    def enabled(self) -> "TaskQuerySet":
        """The tasks that run on every visitor message, with their current version.

        None runs under the reply's own name: the request for both would be refused.
        """
        return (
            self.filter(enabled=True, archived=None, current__isnull=False)
            .exclude(slug=REPLY)
            .select_related("current")
            .order_by("pk")
        )


class Task(models.Model):
    """A named job with its switches. Its wording lives in versions; it is archived, not deleted."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    enabled = models.BooleanField(default=True)
    threshold = models.FloatField(
        default=0.6, help_text="A flagging label is flagged from this probability on (0 to 1)."
    )
    few_shot = models.BooleanField(
        "show examples",
        default=False,
        help_text="Each message is read with the most similar ones that people have reviewed.",
    )
    examples = models.PositiveSmallIntegerField(
        "examples a message",
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_EXAMPLES)],
        help_text=f"At most so many (1 to {MOST_EXAMPLES}), personal data masked.",
    )
    guides_reply = models.BooleanField(
        "guide the reply",
        default=False,
        help_text=(
            "The reply waits for this label, and follows its instruction where the label reaches "
            "the threshold; a label that brings a person does."
        ),
    )
    current = models.ForeignKey(
        "TaskVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    archived = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(threshold__gte=0, threshold__lte=1), name="task_threshold_0_to_1"
            ),
            models.CheckConstraint(
                condition=models.Q(examples__gte=1, examples__lte=MOST_EXAMPLES),
                name="task_examples_1_to_8",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.slug == REPLY and self._state.adding:  # an old one can still be archived
            raise ValidationError({"slug": NAMED_LIKE_THE_REPLY})

    @transaction.atomic
    def publish(
        self,
        *,
        prompt: str,
        context: str,
        labels: list[dict] | None = None,
        reasoning: int = 0,
        schema: str = "",
        answer_tokens: int = JSON_TOKENS,
    ) -> "TaskVersion":
        """Add a version and make it the current one; the next message uses it."""
        Task.objects.select_for_update().get(pk=self.pk)  # two people publish one after the other
        last = self.versions.order_by("-number").first()
        version = TaskVersion(
            task=self,
            number=last.number + 1 if last else 1,
            prompt=prompt,
            labels=labels or [],
            context=context,
            reasoning=reasoning,
            schema=schema,
            answer_tokens=answer_tokens,
        )
        version.full_clean()
        version.save()
        self.activate(version)
        return version

    def activate(self, version: "TaskVersion") -> None:
        """Make a version of this task, an earlier one too, the one that reads the next message."""
        if version.task_id != self.pk:
            raise ValueError(f"{version} is no version of {self.slug}.")
        self.current = version
        self.save(update_fields=["current"])


class TaskVersion(models.Model):
    """One wording of a task. Immutable: every classification points at the words that made it."""

    class Context(models.TextChoices):
        MESSAGE = "message", "The message alone"
        CONVERSATION = "conversation", "The whole conversation"

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    prompt = models.TextField()
    labels = models.JSONField(
        blank=True,
        help_text='A list of {"name", "description", "polarity": -1|0|1, "flags": [], "guidance"}; '
        "or empty.",
    )
    context = models.CharField(max_length=16, choices=Context, default=Context.MESSAGE)
    reasoning = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_THOUGHT)],
        help_text="Tokens in which the model may think before it chooses a label; 0 is off.",
    )
    schema = models.TextField(
        blank=True, default="", help_text="A JSON Schema, where JSON is written and no label."
    )
    answer_tokens = models.PositiveSmallIntegerField(
        default=JSON_TOKENS,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_WRITTEN)],
        help_text="Most tokens of the JSON; what is longer is cut, and says so.",
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="one_version_number")
        ]
        ordering = ["task", "-number"]

    def __str__(self) -> str:
        return f"{self.task.slug} v{self.number}"

    def save(self, *args, **kwargs):
        if self.pk and not self._state.adding:
            raise ValidationError("A task version cannot be changed: publish a new one.")
        super().save(*args, **kwargs)

    def clean(self) -> None:
        field, problem = answer_problem(self.labels, self.schema, self.reasoning)
        if problem:
            raise ValidationError({field: problem})

    @property
    def writes_json(self) -> bool:
        """Whether the answer is JSON by a schema, and not a label."""
        return bool(self.schema)

    @property
    def properties(self) -> tuple[str, ...]:
        """What the JSON names, in the order that it is written in; of labels, nothing."""
        return schemas.names(self.schema) if self.schema else ()

    @property
    def answers(self) -> str:
        """What may come out, for lists."""
        return f"JSON: {', '.join(self.properties)}" if self.schema else ", ".join(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(label["name"] for label in self.labels)

    @property
    def polarity(self) -> dict[str, int]:
        return {label["name"]: label["polarity"] for label in self.labels}

    @property
    def digest(self) -> str:
        """What this version and no other is called in caches; sha256, in hex."""
        return digest(f"{self.task_id}:{self.number}:{self.prompt}", self.names)

    def flags(self, label: str) -> list[str]:
        return next((each.get("flags", []) for each in self.labels if each["name"] == label), [])

    def guidance(self, label: str) -> str:
        """What the label tells the reply of the same turn; empty for nothing."""
        return next((e.get("guidance", "") for e in self.labels if e["name"] == label), "")

    def calibration_for(self, model_id: str) -> "Calibration | None":
        return self.calibrations.filter(model_id=model_id).order_by("-pk").first()


class Calibration(models.Model):
    """Parameters that turn log-probabilities into confidences. Append-only: the newest counts."""

    class Source(models.TextChoices):
        SHIPPED = "shipped", "Shipped with the model"
        CONTENT_FREE = "content-free", "Measured on empty messages"
        FITTED = "fitted", "Fitted on labelled messages"

    version = models.ForeignKey(TaskVersion, on_delete=models.PROTECT, related_name="calibrations")
    model_id = models.CharField(max_length=200)
    scale = models.FloatField(default=1.0)
    bias = models.JSONField(default=dict, help_text="Label name to an additive log-odds term.")
    source = models.CharField(max_length=16, choices=Source)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["version", "model_id"])]

    def __str__(self) -> str:
        return f"{self.version} on {self.model_id} ({self.source})"

    @property
    def affine(self) -> Affine:
        return Affine(scale=self.scale, bias=self.bias)


def install_presets() -> None:
    """Create the tasks that ship with the product where they are missing; change none."""
    for preset in presets.ALL:
        with transaction.atomic():  # a task without a wording would never get one
            _install(preset)


def _install(preset: presets.TaskPreset) -> None:
    task, created = Task.objects.get_or_create(
        slug=preset.slug,
        defaults={
            "name": preset.name,
            "threshold": preset.threshold,
            "enabled": preset.enabled,
        },
    )
    if created:
        task.publish(
            prompt=preset.prompt,
            labels=[dict(label) for label in preset.labels],
            context=preset.context,
            schema=preset.schema,
        )
