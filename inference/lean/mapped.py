"""Weights that transformers maps from their file instead of reading them.

What was converted is not needed again, but its pages count as the process's memory until the
whole file is unmapped, and the embedding keeps it mapped.
"""

import bisect
import ctypes
import mmap
import sys
from collections.abc import Iterable
from pathlib import Path

import torch

Range = tuple[int, int]


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


def _end(tensor: torch.Tensor) -> int:
    return tensor.data_ptr() + tensor.numel() * tensor.element_size()


def _mapped_ranges() -> Iterable[Range]:
    """Where safetensors files lie in this process's memory (proc(5), maps)."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    for line in maps.read_text().splitlines():
        if line.endswith(".safetensors"):
            start, end = line.split(maxsplit=1)[0].split("-")
            yield int(start, 16), int(end, 16)
