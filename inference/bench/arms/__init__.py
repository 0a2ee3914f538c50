"""The arms of a measurement: ways to answer the same requests with a model of the same shape."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from inference.bench.shapes import Shape
from inference.tasks import Request

NAMES = ("ours", "article", "two-models", "llama.cpp")
NEEDED = {"llama.cpp": {"llama_cpp": "llama-cpp-python", "gguf": "gguf"}}  # module -> package


@dataclass(frozen=True)
class Setting:
    """How every arm is to be loaded."""

    shape: Shape | None  # None: a model that was not made here
    cache: Path  # where made models lie
    folder: Path  # the shape's, in transformers' format
    dtype: str  # of our own arm; the others' is part of what they are
    threads: int
    kv_mb: int = 256  # of our own arm, for what it has read


@dataclass(frozen=True)
class Answer:
    """What came of one request, and when: seconds of `time.perf_counter`."""

    asked: float
    labelled: tuple[float, ...] = ()  # when each label came
    tokens: tuple[float, ...] = ()  # when each token of the reply came
    text: str = ""
    prompt_tokens: int = 0

    @property
    def ended(self) -> float:
        return max(*self.labelled, *self.tokens, self.asked)


class Arm(Protocol):
    """One way to serve. `parallel`: it works on many requests at once; else they queue."""

    parallel: bool
    dtype: str  # of the weights; known once it is loaded

    def load(self) -> None: ...

    def turn(self, request: Request, until: float | None = None) -> Answer:
        """Answer; may be called by many threads. Raises Overdue if `until` passes unbegun."""

    def close(self) -> None: ...


def obstacle(name: str) -> str | None:
    """Why an arm cannot run here, and what helps; None if it can."""
    needed = NEEDED.get(name, {})
    if all(map(find_spec, needed)):
        return None
    return f"not installed; pip install {' '.join(needed.values())}"


def prepare(name: str, setting: Setting, progress: Callable[[float], None]) -> None:
    """Make the files that this arm needs beside the shape's folder, unless they are there."""
    if name == "two-models":
        from inference.bench.arms import two_models

        two_models.prepare(setting)
    elif name == "llama.cpp":
        from inference.bench.arms import gguf_file

        gguf_file.ensure(setting, progress)


def make(name: str, setting: Setting) -> Arm:
    """The arm of that name, not loaded. Imports what it needs and nothing for the others."""
    if name == "ours":
        from inference.bench.arms.ours import Ours as Chosen
    elif name == "article":
        from inference.bench.arms.article import Article as Chosen
    elif name == "two-models":
        from inference.bench.arms.two_models import TwoModels as Chosen
    else:
        from inference.bench.arms.llama_cpp import LlamaCpp as Chosen
    return Chosen(setting)
