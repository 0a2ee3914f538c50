"""Device, precision and threads: what the settings ask for and what this machine has."""

import os
from pathlib import Path

from inference.config import InferenceConfig
from inference.errors import ModelError

SMALL = 300_000_000  # parameters; below, float32 on a CPU is fast enough and exact
TINY = 20_000_000  # parameters; below, sharing a product between threads takes longer than it
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def pick_device(config: InferenceConfig) -> str:
    """`cpu` or `cuda`, perhaps with a number.

    Raises:
        ModelError: that GPU is not there.
    """
    import torch

    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() and config.dtype != "int8" else "cpu"
    device = torch.device(config.device)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"INFERENCE_DEVICE={config.device}: no such GPU here. Use auto or cpu.")
    return config.device


def pick_dtype(config: InferenceConfig, device: str, described) -> str:
    """What the weights become; `auto` is what is fast here.

    Args:
        described: the model's transformers config.

    Raises:
        ModelError: int8 was asked for and cannot be had.
    """
    if config.dtype == "int8":
        _check_int8(described)
    if config.dtype != "auto":
        return config.dtype
    if device != "cpu":
        return "bfloat16"
    return "float32" if _parameters(described) <= SMALL else _fast_dtype(described)


def _check_int8(described) -> None:
    from inference.lean.linear import int8_runs_here
    from inference.lean.weights import FAMILY, belongs

    others = "Use auto, float32 or bfloat16."
    if not int8_runs_here():
        raise ModelError(f"INFERENCE_DTYPE=int8 needs an x86 processor. {others}")
    if not belongs(described):
        known = ", ".join(sorted(FAMILY))
        raise ModelError(
            f"INFERENCE_DTYPE=int8 is not supported for {described.model_type} models, only for "
            f"{known} without sliding windows. {others}"
        )


def _fast_dtype(described) -> str:
    from inference.lean.linear import bfloat16_is_fast, int8_is_fast
    from inference.lean.weights import belongs

    if int8_is_fast() and belongs(described):
        return "int8"
    return "bfloat16" if bfloat16_is_fast() else "float32"


def _parameters(described) -> int:
    """How many numbers the model has, without memory for any of them."""
    import torch

    from inference.lean.checkpoint import parameters
    from inference.lean.weights import belongs

    if belongs(described):
        return parameters(described)
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(described).num_parameters()


def pick_threads(config: InferenceConfig, described) -> int:
    """Threads for the model's products: what the setting says, else the physical cores.

    A tiny model gets one: with two, the pocket model labelled a tenth slower, and the web that
    runs beside it had no core left.
    """
    if config.threads:
        return config.threads
    return 1 if _parameters(described) < TINY else physical_cores()


def physical_cores() -> int:
    """Cores this process may use, hyper-threads counted once."""
    import psutil

    allowed = getattr(os, "sched_getaffinity", None)  # Linux knows what it is pinned to
    usable = len(allowed(0)) if allowed else os.cpu_count() or 1
    usable = min(usable, _granted() or usable)
    return min(usable, psutil.cpu_count(logical=False) or usable)


def _granted() -> int | None:
    """Cores' worth of time that a container is granted (cgroup v2, cpu.max); None without limit."""
    try:
        quota, period = CPU_MAX.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, round(int(quota) / int(period)))
