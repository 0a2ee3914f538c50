"""Attention of sequences in slots side by side: one new token each, in as few calls as fit."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from inference.lean.kv import SequenceKV
from inference.lean.segments import Append
from inference.lean.slots import KVSlots

WORTH_A_CALL = 256  # tokens that attend to nothing are cheaper than one more call


class Beside:
    """One new token of each of several sequences in slots.

    Those in neighbouring slots attend in one call, as far as their lengths are alike: the shorter
    ones are filled up with what nobody sees.

    Args:
        placed: where each token stands in the step, and its segment.
    """

    def __init__(self, placed: Sequence[tuple[int, Append]]):
        placed = sorted(placed, key=lambda each: each[1].kv.slot)
        kvs = [segment.kv for _, segment in placed]
        for kv in kvs:
            kv.reserve(1)
        slots = kvs[0].slots
        self._dtype = slots.dtype
        self._rows = _rows([start for start, _ in placed])
        self._places = slots.places([kv.slot for kv in kvs], [kv.length for kv in kvs])
        self._runs = [_Run(slots, run) for run in _neighbours(kvs)]
        self._counts = [run.count for run in self._runs]

    def __call__(
        self, layer: int, queries: torch.Tensor, pairs: torch.Tensor, gathered: torch.Tensor
    ) -> None:
        self._places.write(layer, pairs[self._rows].to(self._dtype))
        asked = queries[self._rows].to(self._dtype).split(self._counts)
        found = [run(layer, each) for run, each in zip(self._runs, asked, strict=True)]
        found = torch.cat(found) if len(found) > 1 else found[0]
        gathered[self._rows] = found.to(gathered.dtype)


def _rows(starts: list[int]) -> slice | torch.Tensor:
    """An index of these rows: a slice, which copies nothing, where they follow one another."""
    first, end = starts[0], starts[0] + len(starts)
    return slice(first, end) if starts == list(range(first, end)) else torch.tensor(starts)


class _Run:
    """Neighbouring slots, each with one new token."""

    def __init__(self, slots: KVSlots, kvs: list[SequenceKV]):
        counts = torch.tensor([kv.length + 1 for kv in kvs])
        self.count, longest, first = len(kvs), int(counts.max()), kvs[0].slot
        self._keys, self._values = slots.seen(slice(first, first + len(kvs)), longest)
        self._mask = None
        if len(kvs) > 1 and counts.min() < longest:
            seen = torch.arange(longest) < counts[:, None]
            self._mask = torch.where(seen, 0.0, -torch.inf).to(slots.dtype)[:, None, None]

    def __call__(self, layer: int, queries: torch.Tensor) -> torch.Tensor:
        keys, values = self._keys[layer], self._values[layer]
        return F.scaled_dot_product_attention(queries, keys, values, self._mask)


def _neighbours(kvs: Sequence[SequenceKV]) -> list[list[SequenceKV]]:
    """KVs in the order of their slots, cut where a slot is missing or too much is filled up."""
    runs = [[kvs[0]]]
    for kv in kvs[1:]:
        run = runs[-1]
        longest = max(each.length for each in run)
        wasted = max(longest - kv.length, (kv.length - longest) * len(run))
        if kv.slot == run[-1].slot + 1 and wasted <= WORTH_A_CALL:
            run.append(kv)
        else:
            runs.append([kv])
    return runs
