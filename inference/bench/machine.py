"""What the machine takes: memory bandwidth, the memory of a process."""

import re
import sys
import time
from pathlib import Path

GB = 1e9
ROUNDS = 5


def bandwidth(megabytes: int, threads: int) -> dict[str, float]:
    """How fast memory can be read and copied, in GB/s: the best of a few rounds.

    Reading is a sum: a matrix times a vector, though nearer to what a decoded token costs, is
    bound by its arithmetic. A copy counts what is read and what is written. The array must be much
    larger than the caches.
    """
    import torch

    torch.set_num_threads(threads)
    array = torch.ones(megabytes * (1 << 18))  # 4 bytes each: so many MiB
    target = torch.empty_like(array)
    size = array.nbytes / GB
    read = min(_timed(lambda: array.sum()) for _ in range(ROUNDS))
    copied = min(_timed(lambda: target.copy_(array)) for _ in range(ROUNDS))
    return {"read": size / read, "copy": 2 * size / copied}


def resident_gb() -> float:
    """Memory of this process now, mapped files that were touched included."""
    import psutil

    return psutil.Process().memory_info().rss / GB


def peak_gb() -> float:
    """The most memory this process has had.

    Linux hands the parent's peak down through getrusage, so it is read from /proc there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(kilobytes) * 1024 / GB
    import resource  # no part of Python on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GB


def _timed(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
