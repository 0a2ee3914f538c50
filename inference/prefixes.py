"""Who holds which tokens: kept and running KV, compared by their ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(eq=False)
class Entry:
    """Kept KV of a run of tokens, from position 0 on."""

    ids: np.ndarray  # (tokens,)
    kv: Any
    root: bool  # a system prompt, shared by many conversations
    pinned: bool = False  # this step looks at it

    @property
    def movable(self) -> bool:
        """Whether its KV may become another's."""
        return not self.pinned


@dataclass(eq=False)
class Lease:
    """KV of a running sequence."""

    ids: np.ndarray  # (tokens,), the prompt that is being computed
    kv: Any
    nbytes: int  # promised to it
    known: int  # positions that it did not have to compute
    planned: int  # positions that will be filled after this step
    movable = False  # a running sequence gives nothing away


Holder = Entry | Lease


def longest(row: np.ndarray, held: Iterable[tuple[Holder, int]]) -> tuple[Holder | None, int]:
    """The first of those who hold the most leading tokens of `row`, and how many those are.

    Args:
        row: (tokens,); the last one never counts, so that there is always one left to compute.
        held: holders, and how many of its ids each one has the KV of.
    """
    best, length = None, 0
    for holder, count in held:
        most = min(count, len(holder.ids), len(row) - 1)
        if most <= length or holder.ids[length] != row[length]:
            continue  # it cannot be longer
        common = _common(holder.ids[:most], row[:most])
        if common > length:
            best, length = holder, common
    return best, length


def begins(beginning: np.ndarray, row: np.ndarray) -> bool:
    """Whether a row starts with all of another that is not empty."""
    count = len(beginning)
    if count > len(row) or beginning[-1] != row[count - 1]:
        return False
    return np.array_equal(beginning, row[:count])


def _common(one: np.ndarray, other: np.ndarray) -> int:
    """Leading items that two rows of one length share."""
    different = np.flatnonzero(one != other)
    return int(different[0]) if len(different) else len(one)
