"""Which process a running reply belongs to, and whether that process still lives."""

import os
import socket
from functools import cache

import psutil


@cache
def me() -> str:
    """`host:pid:start`; the start time tells a process from a later one with the same pid."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_dead(owner: str) -> bool:
    """True only for a process of this host that is certainly gone."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    if not host or host != socket.gethostname():
        return False
    try:
        started = psutil.Process(int(rest)).create_time()
    except psutil.NoSuchProcess:
        return True
    return f"{started:.2f}" != owner.rpartition(":")[2]
