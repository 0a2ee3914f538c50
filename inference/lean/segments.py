"""What one step computes: the new tokens of each sequence, and what they may look at."""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class Append:
    """Tokens that continue a sequence: its KV grows by them.

    Logits of the last one are (1, vocabulary); with `logits=False`, for a prompt that goes on,
    (0, vocabulary). In one step a KV may be appended to once.
    """

    kv: Any
    ids: list[int]
    logits: bool = True

    @property
    def tokens(self) -> list[int]:
        return self.ids

    @property
    def positions(self) -> range:
        return range(self.kv.length, self.kv.length + len(self.ids))

    @property
    def wanted(self) -> range:
        """Which of the tokens have their logits computed."""
        return range(len(self.ids) - self.logits, len(self.ids))


@dataclass(frozen=True, eq=False)
class Fork:
    """Tokens behind a prefix that others use too: nothing of them is kept.

    `ids`, at least one, continue the first `known` positions of `kv`; each leaf continues `ids`
    by itself and sees no other leaf. `kv` may be one that this very step appends to. Logits are
    (1 + tokens of all leaves, vocabulary): after `ids`, then after every token of every leaf.
    """

    kv: Any | None  # None: nothing is known
    known: int
    ids: list[int]
    leaves: list[list[int]]

    @property
    def tokens(self) -> list[int]:
        return self.ids + [each for leaf in self.leaves for each in leaf]

    @property
    def positions(self) -> list[int]:
        end = self.known + len(self.ids)
        behind = [each for leaf in self.leaves for each in range(end, end + len(leaf))]
        return [*range(self.known, end), *behind]

    @property
    def wanted(self) -> range:
        """Which of the tokens have their logits computed."""
        return range(len(self.ids) - 1, len(self.tokens))

    def sight(self) -> torch.Tensor:
        """Boolean (tokens, tokens): which of the new tokens each of them may look at."""
        stem, total = len(self.ids), len(self.tokens)
        seen = torch.ones(total, total, dtype=torch.bool).tril()
        start = stem
        for leaf in self.leaves:
            seen[start : start + len(leaf), stem:start] = False
            start += len(leaf)
        return seen


Segment = Append | Fork
