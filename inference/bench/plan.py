"""What is measured how often, and in which order the arms take turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inference.bench.measurements import (
    Conversations,
    Decode,
    FiveTasks,
    Label,
    LateTurn,
    Measurement,
    Prefill,
    WarmUp,
)
from inference.bench.workload import Lengths

OURS = "ours"
STREAMS = 32  # the most that arms are made to serve at once
LATE = 10  # the turn that is compared with the first


@dataclass(frozen=True)
class Step:
    """One measurement of one arm."""

    arm: str
    measurement: Measurement
    repeat: int


@dataclass(frozen=True)
class Plan:
    """How much is measured. A repeat has its own seed; its arms are measured side by side."""

    conversations: tuple[int, ...] = (1, 4, 16)
    turns: int = 3
    seeds: int = 3
    streams: tuple[int, ...] = (1, 4, 16, STREAMS)
    limit_s: float = 30.0  # of a run of conversations, for arms that serve one at a time
    lengths: Lengths = field(default_factory=Lengths)
    bandwidth_mb: int = 512

    @classmethod
    def quick(cls) -> "Plan":
        """A look in a minute or two; too short for figures to quote."""
        return cls(
            conversations=(1, 4),
            turns=2,
            seeds=1,
            streams=(1, 4),
            limit_s=10.0,
            lengths=Lengths(reply=16),
            bandwidth_mb=128,
        )

    @property
    def warm_up(self) -> WarmUp:
        return WarmUp(max(self.conversations))

    def steps(self, arms: Sequence[str]) -> Iterator[Step]:
        """Repeat by repeat each measurement of every arm in turn; every second one backwards.

        Arms that are compared are measured within the same minute, so that what else the machine
        does meets all of them, and none is always the first.
        """
        for repeat in range(self.seeds):
            order = list(arms) if repeat % 2 == 0 else list(reversed(arms))
            for measurement in self._everybody(repeat):
                for arm in order:
                    yield Step(arm, measurement, repeat)
            if OURS in arms:
                for measurement in self._ours(repeat):
                    yield Step(OURS, measurement, repeat)

    def _everybody(self, seed: int) -> list[Measurement]:
        return [
            *(Conversations(count, self.turns, seed, self.limit_s) for count in self.conversations),
            Decode(self.streams, seed),
            Prefill(seed),
            Label(seed),
        ]

    def _ours(self, seed: int) -> list[Measurement]:
        counts = sorted({1, max(self.conversations)})
        return [LateTurn(LATE, seed), *(FiveTasks(count, self.turns, seed) for count in counts)]
