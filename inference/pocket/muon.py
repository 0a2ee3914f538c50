"""Muon for many small matrices: those of one shape are made orthogonal together."""

from collections import defaultdict
from collections.abc import Iterable

import torch

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration in Jordan et al. 2024


class Muon(torch.optim.Optimizer):
    """Momentum whose update is replaced by the nearest orthogonal matrix (Jordan et al. 2024).

    torch.optim.Muon does the same one matrix at a time and in bfloat16, which takes longer than the
    rest of a step on a processor that has to emulate it. `dtype` is that of the iteration.
    """

    def __init__(
        self,
        matrices: Iterable[torch.nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                alike[matrix.shape].append(matrix)
            for matrices in alike.values():
                self._update(matrices, group)

    def _update(self, matrices: list[torch.nn.Parameter], group: dict) -> None:
        wanted = torch.stack([self._momentum(each, group["momentum"]) for each in matrices])
        changes = orthogonal(wanted.to(self.dtype)).to(wanted.dtype)
        rows, columns = wanted.shape[-2:]
        rate = group["lr"] * max(1.0, rows / columns) ** 0.5
        for matrix, change in zip(matrices, changes, strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(change, alpha=-rate)

    def _momentum(self, matrix: torch.nn.Parameter, momentum: float) -> torch.Tensor:
        """Nesterov's: the gradient ahead along the running mean."""
        state = self.state[matrix]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(matrix)
        state["mean"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(state["mean"], momentum)


def orthogonal(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """About U V^T of every matrix U S V^T in a stack (n, rows, columns): singular values near 1."""
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x
