"""Keys and values that were computed once: kept by their token ids, found by the longest prefix.

A DynamicCache never writes into a tensor, it concatenates into a new one. So sequences may start
from views of what is kept here, and what they add stays their own.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


@dataclass(frozen=True)
class Entry:
    """KV of a run of tokens, from position 0 on."""

    ids: np.ndarray  # (tokens,)
    layers: list[tuple[torch.Tensor, torch.Tensor]]  # each (1, heads, tokens, head size)
    root: bool  # a system prompt, shared by many conversations

    @property
    def nbytes(self) -> int:
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)


class KVCache:
    """Least recently used entries go when the budget is spent. One thread only.

    Args:
        config: the model's; layers that are no plain attention (windows, recurrent states)
            cannot be cut to a prefix, and then nothing is kept.
        budget: bytes for what is kept; the KV of running sequences comes on top.
    """

    def __init__(self, config, budget: int):
        self._config = config
        self._budget = budget
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        layers = DynamicCache(config=config).layers
        self.reusable = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)

    @property
    def nbytes(self) -> int:
        return sum(entry.nbytes for entry in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def start(self, ids: list[int]) -> tuple[DynamicCache, int]:
        """A cache for a prompt, and how many of its ids it holds already (never all of them)."""
        kv = DynamicCache(config=self._config)
        key, length = self._longest(np.asarray(ids))
        length = min(length, len(ids) - 1)
        if length <= 0:
            return kv, 0
        self._entries.move_to_end(key)
        for index, (keys, values) in enumerate(self._entries[key].layers):
            kv.update(keys[:, :, :length], values[:, :, :length], index)
        return kv, length

    def keep(self, ids: list[int], kv: DynamicCache, root: bool = False) -> None:
        """Remember the KV of `ids`, the first positions of `kv`."""
        row = np.asarray(ids)
        known, length = self._longest(row)
        if not self.reusable or not ids:
            return
        if length == len(ids):
            self._entries.move_to_end(known)
            return
        layers = [(_first(k.keys, len(ids)), _first(k.values, len(ids))) for k in kv.layers]
        self._drop_beginnings_of(row)
        self._entries[row.tobytes()] = Entry(row, layers, root)
        while self.nbytes > self._budget:
            self._entries.popitem(last=False)

    def check(self) -> None:
        """Raise AssertionError if the bookkeeping is inconsistent; for tests and idle time."""
        assert self.nbytes <= self._budget, "over budget"
        for key, entry in self._entries.items():
            assert key == entry.ids.tobytes(), "an entry under another's ids"
            lengths = {tensor.shape[2] for pair in entry.layers for tensor in pair}
            assert lengths == {len(entry.ids)}, "KV and ids differ in length"

    def _longest(self, ids: np.ndarray) -> tuple[bytes | None, int]:
        best, length = None, 0
        for key, entry in self._entries.items():
            common = _common(entry.ids, ids)
            if common > length:
                best, length = key, common
        return best, length

    def _drop_beginnings_of(self, ids: np.ndarray) -> None:
        """An earlier turn of a conversation is part of the later one; system prompts stay."""
        for key, entry in list(self._entries.items()):
            if not entry.root and _common(entry.ids, ids) == len(entry.ids):
                del self._entries[key]


def _common(one: np.ndarray, other: np.ndarray) -> int:
    shorter = min(len(one), len(other))
    different = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(different[0]) if len(different) else shorter


def _first(tensor: torch.Tensor, length: int) -> torch.Tensor:
    """The first positions; copied if there are more, so that the rest can be freed."""
    return tensor if tensor.shape[2] == length else tensor[:, :, :length].clone()
