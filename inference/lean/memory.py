"""Memory straight from the system."""

import mmap
from math import prod

import torch

# Windows has private memory only, and no flags.
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
_NORESERVE = 0x4000  # of Linux: more may be mapped than there is; Python has the name from 3.13 on


def mapped(size: tuple[int, ...], dtype: torch.dtype) -> tuple[torch.Tensor, mmap.mmap]:
    """Zeros that cost nothing until they are written to, and the mapping they lie in.

    The system gets it back when the tensor goes. Pieces of a megabyte and more that come and go in
    all sizes leave holes in malloc's heap: a fifth of a gigabyte beside the KV of 16 conversations.
    """
    return _tensor(mmap.mmap(-1, prod(size) * dtype.itemsize, **_PRIVATE), size, dtype)


def sparse(size: tuple[int, ...], dtype: torch.dtype) -> tuple[torch.Tensor, mmap.mmap]:
    """The same in any size, of which little is ever used. On Linux only."""
    flags = _PRIVATE["flags"] | _NORESERVE
    return _tensor(mmap.mmap(-1, prod(size) * dtype.itemsize, flags=flags), size, dtype)


def take_back(memory: mmap.mmap, start: int, length: int) -> None:
    """Give pages of `memory` back to the system; they read as zeros afterwards. On Linux only."""
    memory.madvise(mmap.MADV_DONTNEED, start, length)


def _tensor(
    memory: mmap.mmap, size: tuple[int, ...], dtype: torch.dtype
) -> tuple[torch.Tensor, mmap.mmap]:
    return torch.frombuffer(memory, dtype=dtype, count=prod(size)).view(size), memory
