"""Memory in which the sequences that are being answered lie side by side.

Attention of one new token is so little work that starting it costs more than doing it. Sequences in
slots next to each other are rows of one tensor, so one call attends for all of them: at 16 streams
of the 0.5B shape 13 ms a step instead of 39.
"""

import heapq
import mmap

import torch

from inference.lean.memory import sparse, take_back

PARTS = 2  # keys and values


class KVSlots:
    """`count` slots of `capacity` tokens. A page that nothing was written to costs no memory.

    Args:
        shape: a KVShape on the CPU.
    """

    def __init__(self, shape, count: int, capacity: int):
        self.capacity, self.dtype = capacity, shape.dtype
        self._free = list(range(count))
        self._slot = shape.heads * capacity * shape.head_size * shape.dtype.itemsize  # of a part
        size = (shape.layers, PARTS, count, shape.heads, capacity, shape.head_size)
        self._data, self._memory = sparse(size, shape.dtype)

    @property
    def taken(self) -> int:
        """Slots in use."""
        return self._data.shape[2] - len(self._free)

    def take(self) -> int | None:
        """The lowest free slot, so that those in use lie close together; None if all are taken."""
        return heapq.heappop(self._free) if self._free else None

    def give_back(self, slot: int) -> None:
        """Free a slot and its memory. It reads as zeros: a NaN would show through any mask."""
        heapq.heappush(self._free, slot)
        if self._slot % mmap.PAGESIZE:
            self._data[:, :, slot].zero_()
            return
        layers, parts, count = self._data.shape[:3]
        for piece in range(layers * parts):
            take_back(self._memory, (piece * count + slot) * self._slot, self._slot)

    def view(self, slot: int) -> torch.Tensor:
        """(layers, 2, heads, capacity, head size), of one slot."""
        return self._data[:, :, slot]

    def places(self, slots: list[int], positions: list[int]) -> "Places":
        """Where the next token of each of these slots goes."""
        return Places(self._data, slots, positions)

    def seen(
        self, slots: slice, count: int
    ) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        """Keys and values of the first `count` positions of neighbouring slots, for every layer
        (slots, heads, count, head size)."""
        keys, values = self._data[:, :, slots, :, :count].unbind(1)
        return keys.unbind(0), values.unbind(0)


class Places:
    """One position in each of several slots."""

    def __init__(self, data: torch.Tensor, slots: list[int], positions: list[int]):
        self._layers = data.permute(0, 2, 4, 1, 3, 5).unbind(0)  # slots, positions, ...
        self._index = (torch.tensor(slots), torch.tensor(positions))

    def write(self, layer: int, pairs: torch.Tensor) -> None:
        """`pairs` are (places, 2, heads, head size)."""
        self._layers[layer].index_put_(self._index, pairs)
