"""Keys and values of one sequence, in one piece of memory."""

from dataclasses import dataclass
from typing import Any

import torch

from inference.lean.memory import mapped
from inference.lean.slots import KVSlots

BLOCK = 64  # tokens; capacities are multiples of it
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
    """Grows in blocks up to `limit` tokens; the first `length` positions are filled.

    While it is being answered it may lie in one of `slots`, beside others.
    """

    def __init__(self, shape: KVShape, limit: int, slots: KVSlots | None = None):
        self.shape = shape
        self.limit = in_blocks(limit)
        self.length = 0
        self.slots = slots
        self.slot: int | None = None
        self._data = self._empty(0)

    @property
    def capacity(self) -> int:
        return self._data.shape[3] if self.slot is None else self.limit

    @property
    def nbytes(self) -> int:
        """Memory held, filled or not."""
        return self.capacity * self.shape.bytes_a_token

    def enter(self) -> None:
        """Go into a slot, if there is one that holds all that it may grow to."""
        if self.slots is None or self.slot is not None or self.limit > self.slots.capacity:
            return
        self.slot = self.slots.take()
        if self.slot is not None:
            self._move(self.slots.view(self.slot))

    def leave(self, keep: bool) -> None:
        """Give the slot back, and take along what is filled, or nothing."""
        if self.slot is None:
            return
        slot, self.slot = self.slot, None
        self.length *= keep
        self._move(self._empty(in_blocks(self.length)))
        self.slots.give_back(slot)

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
            self._move(self._empty(min(max(needed, grown), self.limit)))

    def places(self, count: int) -> tuple[torch.Tensor, ...]:
        """For every layer, where the next tokens go: (count, 2, heads, head size)."""
        free = self._data[:, :, :, self.length : self.length + count]
        return free.permute(0, 3, 1, 2, 4).unbind(0)

    def seen(self, count: int) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Keys and values of the first positions, for every layer (1, heads, count, head size)."""
        keys, values = self._data[:, :, None, :, :count].unbind(1)
        return keys.unbind(0), values.unbind(0)

    def advance(self, count: int) -> None:
        """The next `count` places have been filled."""
        self.length += count

    def truncate(self, length: int) -> None:
        """Forget all but the first positions; the memory stays for what comes next."""
        self.length = min(self.length, length)

    def prefix_copy(
        self, length: int, limit: int, room: int = 0, slot: bool = False
    ) -> "SequenceKV":
        """The first positions as a sequence of their own, with memory for `room` tokens; in a
        slot if that is wanted and there is one."""
        copy = SequenceKV(self.shape, limit, self.slots)
        if slot:
            copy.enter()
        copy.reserve(max(length, room))
        copy._data[:, :, :, :length] = self._data[:, :, :, :length]
        copy.length = length
        return copy

    def _move(self, data: torch.Tensor) -> None:
        data[:, :, :, : self.length] = self._data[:, :, :, : self.length]
        self._data = data

    def _empty(self, capacity: int) -> torch.Tensor:
        shape = self.shape
        size = (shape.layers, 2, shape.heads, capacity, shape.head_size)
        if capacity and torch.device(shape.device).type == "cpu":
            return mapped(size, shape.dtype)[0]
        return torch.empty(size, dtype=shape.dtype, device=shape.device)


def in_blocks(tokens: int) -> int:
    """The number rounded up to whole blocks."""
    return -(-tokens // BLOCK) * BLOCK
