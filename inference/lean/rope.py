"""Rotary position embedding (Su et al. 2021, "RoFormer"), in the half-split layout of Llama."""

import torch

Angles = tuple[torch.Tensor, torch.Tensor]  # cosines and sines, each (tokens, 1, head size / 2)


class Rope:
    """Rotates queries and keys by their positions.

    Args:
        frequencies: (head size / 2,), radians a position; a model's scaling is in them already.
        scale: what cosines and sines are multiplied by; 1 but for YaRN (Peng et al. 2023).
    """

    def __init__(self, frequencies: torch.Tensor, scale: float):
        self._frequencies = frequencies.float()
        self._scale = scale

    def angles(self, positions: list[int], dtype: torch.dtype) -> Angles:
        places = torch.tensor(positions, dtype=torch.float32, device=self._frequencies.device)
        turns = (places[:, None] * self._frequencies)[:, None]
        return (turns.cos() * self._scale).to(dtype), (turns.sin() * self._scale).to(dtype)


def rotate_(heads: torch.Tensor, angles: Angles) -> None:
    """Rotate (tokens, heads, head size) in place."""
    cos, sin = angles
    first, second = heads.chunk(2, dim=-1)
    rotated = first * cos - second * sin
    second.copy_(second * cos + first * sin)
    first.copy_(rotated)
