"""The settings of the fallback classifier."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FallbackConfig:
    """Which classifier decides, of which task, and below which confidence."""

    # Of the class, not of an instance: how a person is told what is wrong with `model`.
    setting = "INFERENCE_FALLBACK_MODEL"
    wanted = "Give the name or the folder of a text-classification model in safetensors format."

    model: str  # a hub name or a folder
    revision: str = "main"
    task: str = "sentiment"  # slug
    threshold: float = 0.6  # a calibrated confidence below it is not sure
    labels: Mapping[str, str] = field(default_factory=dict)  # the classifier's: the task's
    size: int = 0  # answers that are kept for messages of the same words

    @classmethod
    def from_settings(cls) -> "FallbackConfig | None":
        """Read Django's INFERENCE_FALLBACK_* settings; None if no classifier is named."""
        from django.conf import settings

        if not settings.INFERENCE_FALLBACK_MODEL:
            return None
        return cls(
            model=settings.INFERENCE_FALLBACK_MODEL,
            revision=settings.INFERENCE_FALLBACK_REVISION,
            task=settings.INFERENCE_FALLBACK_TASK,
            threshold=settings.INFERENCE_FALLBACK_THRESHOLD,
            labels=settings.INFERENCE_FALLBACK_LABELS,
            size=settings.INFERENCE_REPEAT_SIZE,
        )
