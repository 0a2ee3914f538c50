"""What was measured of a task's versions: rows that are added and never changed."""

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models

if TYPE_CHECKING:
    from inference.models import TaskVersion

LARGE_SPREAD = 0.1  # of macro-F1 between wordings: more than separates good wordings from bad ones


class VersionSensitivityQuerySet(models.QuerySet):
    def large(self) -> "VersionSensitivityQuerySet":
        """Measurements that people should know of before they trust the version."""
        return self.filter(macro_f1_spread__gt=LARGE_SPREAD)

    def newest(self, version: "TaskVersion", model_id: str) -> "VersionSensitivity | None":
        return self.filter(version=version, model_id=model_id).order_by("-pk").first()


class VersionSensitivity(models.Model):
    """How much a version's labels depend on wording and length, as measured once. Append-only."""

    version = models.ForeignKey(
        "TaskVersion", on_delete=models.PROTECT, related_name="sensitivities"
    )
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


class VersionQualityQuerySet(models.QuerySet):
    def still_true(self) -> "VersionQualityQuerySet":
        """Those whose version was not fitted anew since, on their model: that moves its labels.

        A calibration of another source is no news: it is what the version was measured with, as a
        draft too, and is stored only when the version first reads a message.
        """
        from inference.models import Calibration

        fitted = Calibration.objects.filter(
            version=models.OuterRef("version"),
            model_id=models.OuterRef("model_id"),
            source=Calibration.Source.FITTED,
            created__gt=models.OuterRef("created"),
        )
        return self.exclude(models.Exists(fitted))

    def newest(self, version: "TaskVersion", model_id: str) -> "VersionQuality | None":
        return self.filter(version=version, model_id=model_id).order_by("-pk").first()


class VersionQuality(models.Model):
    """How well a version read the messages that people reviewed, as measured once. Append-only.

    Figures of two versions may be compared where `test_set`, `model_id` and `examples` agree, and
    both are `still_true`.
    """

    version = models.ForeignKey("TaskVersion", on_delete=models.PROTECT, related_name="qualities")
    model_id = models.CharField(max_length=200)
    n = models.PositiveIntegerField(help_text="Reviewed messages that it was measured on.")
    test_set = models.CharField(max_length=64, help_text="Which messages and labels; sha256.")
    examples = models.PositiveSmallIntegerField(
        default=0, help_text="Shown with a message at most; 0 if the switch was off."
    )
    accuracy = models.FloatField(help_text="Share read rightly, 0 to 1.")
    macro_f1 = models.FloatField(help_text="Mean F1 over the labels, 0 to 1.")
    ece = models.FloatField(help_text="Expected calibration error, 0 to 1.")
    created = models.DateTimeField(auto_now_add=True)

    objects = VersionQualityQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["version", "model_id"], name="quality_of_version")]

    def __str__(self) -> str:
        return f"{self.version} on {self.model_id}: macro-F1 {self.macro_f1:.2f} of {self.n}"

    def save(self, *args, **kwargs):
        if self.pk and not self._state.adding:
            raise ValidationError("A measurement cannot be changed: add another one.")
        super().save(*args, **kwargs)
