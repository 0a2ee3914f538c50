"""What the labelling modes of the bench run on: the pocket model, or a made one of a shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from inference import presets
from inference.bench import folders, sayings
from inference.bench.arms import Setting
from inference.bench.progress import ProgressBar
from inference.bench.shapes import shape_named
from inference.bench.workload import LABELS, Workload
from inference.config import POCKET
from inference.tasks import Classify, message_context


@dataclass(frozen=True)
class Mood:
    """The mood of a message alone: as it ships, or in made words for a made vocabulary.

    A made tokenizer knows no English, so the shipped prompt would be several times as long there.
    """

    vocabulary: int | None = None

    @cached_property
    def _made(self) -> Workload | None:
        return Workload(self.vocabulary) if self.vocabulary else None

    @property
    def prompt(self) -> str:
        return self._made.task_prompt if self._made else presets.SENTIMENT.prompt

    @property
    def labels(self) -> tuple[str, ...]:
        return LABELS if self._made else presets.SENTIMENT.names

    def part(self, text: str) -> Classify:
        return Classify(presets.SENTIMENT.slug, message_context(self.prompt, text), self.labels)

    def frequent(self, count: int) -> Sequence[str]:
        """The messages that come again and again, the most frequent first."""
        if self._made is None:
            return sayings.sayings()[:count]
        return self._made.messages("frequent", 1, count)[0]

    def different(self, count: int, seed: int) -> Sequence[str]:
        """Messages of which no two are the same."""
        if self._made is None:
            return sayings.different(count, seed)
        return self._made.messages(f"stored {seed}", 1, count)[0]


def mood(setting: Setting) -> Mood:
    """What is asked of the model that is loaded so."""
    return Mood(setting.shape.vocabulary if setting.shape else None)


def setting(
    shape: str | None, cache: Path, progress: ProgressBar, *, dtype: str, threads: int, kv_mb: int
) -> Setting:
    """How the model is to be loaded; a shape's is made if it is not there.

    Raises:
        BenchError: there is no such shape, or its files cannot be made.
    """
    if shape is None:
        return Setting(None, cache, POCKET, dtype, threads, kv_mb)
    chosen = shape_named(shape)
    folder = folders.ensure(chosen, cache, progress.share)
    return Setting(chosen, cache, folder, dtype, threads, kv_mb)


def name(setting: Setting) -> str:
    """What the model is called in figures."""
    return setting.shape.name if setting.shape else "pocket"
