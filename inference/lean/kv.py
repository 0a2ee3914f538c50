"""Keys and values of one sequence, in one piece of memory."""

import mmap
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

BLOCK = 64  # tokens; capacities are multiples of it
# Windows has private memory only, and no flags.
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
LARGEST_GROWTH = 256  # tokens; doubling a long conversation would waste what others need


@dataclass(frozen=True)
class KVShape:
    """What a token costs, the same for all sequences of a model."""

    layers: int
    heads: int  # of keys and values, which may be fewer than those of queries
    head_size: int
    dtype: torch.dtype
    device: Any = "cpu"

    @property
    def bytes_a_token(self) -> int:
        return self.layers * 2 * self.heads * self.head_size * self.dtype.itemsize


class SequenceKV:
    """Grows in blocks up to `limit` tokens; the first `length` positions are filled."""

    def __init__(self, shape: KVShape, limit: int):
        self.shape = shape
        self.limit = in_blocks(limit)
        self.length = 0
        self._data = self._empty(0)

    @property
    def capacity(self) -> int:
        return self._data.shape[3]

    @property
    def nbytes(self) -> int:
        """Memory held, filled or not."""
        return self._data.nbytes

    def reserve(self, tokens: int) -> None:
        """Have room for so many more tokens. Views that were taken before are stale then.

        Raises:
            ValueError: it would pass the limit.
        """
        needed = in_blocks(self.length + tokens)
        if needed > self.limit:
            raise ValueError(f"A KV of {needed} tokens passes its limit of {self.limit}.")
        if needed > self.capacity:
            grown = self.capacity + min(self.capacity, LARGEST_GROWTH)
            self._move(min(max(needed, grown), self.limit))

    def slots(self, count: int) -> tuple[torch.Tensor, ...]:
        """For every layer, where the next tokens go: (count, 2, heads, head size)."""
        free = self._data[:, :, :, self.length : self.length + count]
        return free.permute(0, 3, 1, 2, 4).unbind(0)

    def seen(self, count: int) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Keys and values of the first positions, for every layer (1, heads, count, head size)."""
        keys, values = self._data[:, :, None, :, :count].unbind(1)
        return keys.unbind(0), values.unbind(0)

    def advance(self, count: int) -> None:
        """The next `count` slots have been filled."""
        self.length += count

    def truncate(self, length: int) -> None:
        """Forget all but the first positions; the memory stays for what comes next."""
        self.length = min(self.length, length)

    def prefix_copy(self, length: int, limit: int, room: int = 0) -> "SequenceKV":
        """The first positions as a sequence of their own, with memory for `room` tokens."""
        copy = SequenceKV(self.shape, limit)
        copy.reserve(max(length, room))
        copy._data[:, :, :, :length] = self._data[:, :, :, :length]
        copy.length = length
        return copy

    def _move(self, capacity: int) -> None:
        old, self._data = self._data, self._empty(capacity)
        self._data[:, :, :, : self.length] = old[:, :, :, : self.length]

    def _empty(self, capacity: int) -> torch.Tensor:
        shape = self.shape
        size = (shape.layers, 2, shape.heads, capacity, shape.head_size)
        if capacity and torch.device(shape.device).type == "cpu":
            return _mapped(size, shape.dtype)
        return torch.empty(size, dtype=shape.dtype, device=shape.device)


def _mapped(size: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Memory straight from the system, which gets it back when the tensor goes.

    Pieces of a megabyte and more that come and go in all sizes leave holes in malloc's heap: a
    fifth of a gigabyte beside the KV of 16 conversations.
    """
    count = prod(size)
    memory = mmap.mmap(-1, count * dtype.itemsize, **PRIVATE)
    return torch.frombuffer(memory, dtype=dtype, count=count).view(size)


def in_blocks(tokens: int) -> int:
    """The number rounded up to whole blocks."""
    return -(-tokens // BLOCK) * BLOCK
