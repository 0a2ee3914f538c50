"""Tasks: a job for the model is a prompt and its labels, and nothing else."""

import unicodedata

from django.core.exceptions import ValidationError
from django.db import models, transaction

from inference import presets
from inference.calibration import digest
from inference.tasks import Affine

LABEL_FLAGS = ["review"]  # what a label's `flags` may hold
LABEL_LENGTH = 40  # characters of a name, as wide as the columns that store labels
LARGE_SPREAD = 0.1  # of macro-F1 between wordings: more than separates good wordings from bad ones


class TaskQuerySet(models.QuerySet):
    def enabled(self) -> "TaskQuerySet":
        """The tasks that run on every visitor message, with their current version."""
        return (
            self.filter(enabled=True, archived=None, current__isnull=False)
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
    current = models.ForeignKey(
        "TaskVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    archived = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(threshold__gte=0, threshold__lte=1), name="task_threshold_0_to_1"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def publish(self, *, prompt: str, labels: list[dict], context: str) -> "TaskVersion":
        """Add a version and make it the current one; the next message uses it."""
        Task.objects.select_for_update().get(pk=self.pk)  # two people publish one after the other
        last = self.versions.order_by("-number").first()
        version = TaskVersion(
            task=self,
            number=last.number + 1 if last else 1,
            prompt=prompt,
            labels=labels,
            context=context,
        )
        version.full_clean()
        version.save()
        self.current = version
        self.save(update_fields=["current"])
        return version


class TaskVersion(models.Model):
    """One wording of a task. Immutable: every classification points at the words that made it."""

    class Context(models.TextChoices):
        MESSAGE = "message", "The message alone"
        CONVERSATION = "conversation", "The whole conversation"

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    prompt = models.TextField()
    labels = models.JSONField(
        help_text='A list of {"name", "description", "polarity": -1|0|1, "flags": []}.'
    )
    context = models.CharField(max_length=16, choices=Context, default=Context.MESSAGE)
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
        problem = labels_problem(self.labels)
        if problem:
            raise ValidationError({"labels": problem})

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


class VersionSensitivityQuerySet(models.QuerySet):
    def large(self) -> "VersionSensitivityQuerySet":
        """Measurements that people should know of before they trust the version."""
        return self.filter(macro_f1_spread__gt=LARGE_SPREAD)

    def newest(self, version: TaskVersion, model_id: str) -> "VersionSensitivity | None":
        return self.filter(version=version, model_id=model_id).order_by("-pk").first()


class VersionSensitivity(models.Model):
    """How much a version's labels depend on wording and length, as measured once. Append-only."""

    version = models.ForeignKey(TaskVersion, on_delete=models.PROTECT, related_name="sensitivities")
    model_id = models.CharField(max_length=200)
    n = models.PositiveIntegerField(help_text="Texts that it was measured on.")
    accuracy_spread = models.FloatField(help_text="Best accuracy less the worst, 0 to 1.")
    macro_f1_spread = models.FloatField(help_text="Best macro-F1 less the worst, 0 to 1.")
    agreement = models.FloatField(help_text="Least share of labels like the unchanged version's.")
    flipped = models.FloatField(help_text="Share of texts whose label changed at least once.")
    created = models.DateTimeField(auto_now_add=True)

    objects = VersionSensitivityQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["version", "model_id"], name="sensitivity_of_version")]

    def __str__(self) -> str:
        return f"{self.version} on {self.model_id}: macro-F1 varies by {self.macro_f1_spread:.2f}"

    def save(self, *args, **kwargs):
        if self.pk and not self._state.adding:
            raise ValidationError("A measurement cannot be changed: add another one.")
        super().save(*args, **kwargs)

    @property
    def is_large(self) -> bool:
        return self.macro_f1_spread > LARGE_SPREAD


def labels_problem(labels: object) -> str | None:
    """What is wrong with a version's labels, in words; None if nothing is."""
    if not isinstance(labels, list) or len(labels) < 2:
        return "Give a list of at least two labels."
    problems = (problem for label in labels if (problem := _label_problem(label)))
    if problem := next(problems, None):
        return problem
    names = [normal_name(label["name"]) for label in labels]
    if len(set(names)) < len(names):
        return "Two labels have the same name, but for letter case and spaces."
    return None


def normal_name(name: str) -> str:
    """A label as people tell it from others: letter case, wide forms and more spaces are one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _label_problem(label: object) -> str | None:
    name = label.get("name") if isinstance(label, dict) else None
    if not isinstance(name, str) or not name.strip() or len(name) > LABEL_LENGTH:
        return f"Every label needs a name of at most {LABEL_LENGTH} characters."
    if label.get("polarity") not in (-1, 0, 1):
        return f"The polarity of {name} must be -1, 0 or 1."
    flags = label.get("flags", [])
    if not isinstance(flags, list) or any(flag not in LABEL_FLAGS for flag in flags):
        return f"The flags of {name} may only hold {LABEL_FLAGS}, as a list."
    return None


def install_presets() -> None:
    """Create the tasks that ship with the product where they are missing; change none."""
    for preset in presets.TASKS:
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
            )
