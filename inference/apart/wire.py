"""What the two processes say to each other, one pickle after the other. Free of torch.

Both ends are this program, and nobody else holds the pipes: that is why pickles are safe here.
"""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from inference.sequence import Event
from inference.tasks import Affine, Request

# To the model's process, behind the InferenceConfig that it begins with


@dataclass(frozen=True)
class Submit:
    ticket: int
    request: Request


@dataclass(frozen=True)
class Cancel:
    ticket: int
    part: str | None


@dataclass(frozen=True)
class Stop:
    """End what is open and leave."""


# From it


@dataclass(frozen=True)
class Loading:
    share: float  # 0 to 1
    doing: str


@dataclass(frozen=True)
class Ready:
    model_id: str
    calibrations: Mapping[str, Affine]


@dataclass(frozen=True)
class Broken:
    """The model was not loaded."""

    error: str


@dataclass(frozen=True)
class Events:
    """Those of one step, in order, each with its request's ticket."""

    events: tuple[tuple[int, Event], ...]


Command = Submit | Cancel | Stop
Message = Loading | Ready | Broken | Events


def put(stream: BinaryIO, said: object) -> None:
    """Raises OSError where the other process is gone."""
    stream.write(pickle.dumps(said, pickle.HIGHEST_PROTOCOL))
    stream.flush()


def heard(stream: BinaryIO) -> Iterator[object]:
    """What comes in, until the other process closes its end or dies in the middle of a word."""
    while True:
        try:
            yield pickle.load(stream)
        except (EOFError, pickle.UnpicklingError, OSError):
            return
