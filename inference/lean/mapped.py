"""Weights that transformers maps from their file instead of reading them.

What was converted is not needed again, but its pages count as the process's memory until the
whole file is unmapped, and the embedding keeps it mapped.
"""

import bisect
import contextlib
import ctypes
import mmap
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F

Range = tuple[int, int]
ROWS_AT_ONCE = 512  # of an embedding: at most 32 MB of it stay in memory


class MappedWeights:
    """Gives pages of mapped safetensors files back; they are read again if anybody needs them.

    Knows only Linux, and what was mapped when it was made; elsewhere nothing is given back.
    """

    def __init__(self):
        self._ranges = sorted(_mapped_ranges())
        self._libc = ctypes.CDLL(None, use_errno=True) if self._ranges else None

    def __contains__(self, tensor: torch.Tensor) -> bool:
        if tensor.device.type != "cpu":
            return False
        index = bisect.bisect_right(self._ranges, (tensor.data_ptr(), sys.maxsize)) - 1
        return index >= 0 and _end(tensor) <= self._ranges[index][1]

    def give_back(self, tensor: torch.Tensor) -> None:
        """Let go of the whole pages of a contiguous tensor, if it is a mapped one."""
        if tensor not in self:
            return
        page = mmap.PAGESIZE
        start, end = -(-tensor.data_ptr() // page) * page, _end(tensor) // page * page
        if end > start:
            self._libc.madvise(
                ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED
            )


class Embedding:
    """Rows of a matrix by their ids; pages of a mapped one go back every so many rows.

    A row of 2 KB brings 64 KB into memory (the kernel maps what lies around it), so soon nearly
    all of the matrix would count as the process's. Bringing one back takes a microsecond.

    Args:
        weight: (vocabulary, hidden).
        whole: nothing goes back, because all of the matrix is read in every step.
    """

    def __init__(self, weight: torch.Tensor, mapped: MappedWeights, whole: bool):
        self.weight, self._mapped = weight, mapped
        self._returns = not whole and weight in mapped
        self._read = 0

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """(tokens, hidden) in the matrix's own precision."""
        rows = F.embedding(ids, self.weight)
        self._read += len(ids)
        if self._returns and self._read >= ROWS_AT_ONCE:
            self._mapped.give_back(self.weight)
            self._read = 0
        return rows


def give_back_freed() -> None:
    """Let go of memory that was freed but that malloc keeps (glibc only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _end(tensor: torch.Tensor) -> int:
    return tensor.data_ptr() + tensor.numel() * tensor.element_size()


def _mapped_ranges() -> Iterable[Range]:
    """Where safetensors files lie in this process's memory (proc(5), maps).

    A file of the hub's cache is a link to one in `blobs` that has its digest for a name.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    for line in maps.read_text().splitlines():
        if line.endswith(".safetensors") or "/blobs/" in line:
            start, end = line.split(maxsplit=1)[0].split("-")
            yield int(start, 16), int(end, 16)
