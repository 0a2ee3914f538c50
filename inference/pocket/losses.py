"""What a training step minimises: the text to be written, and a lesson beside it.

The lesson: a linear layer in the middle of the model tells what each message wants.
"""

import time
from functools import cache

import torch
from torch.nn.functional import cross_entropy, linear
from transformers import Qwen2ForCausalLM

from inference.pocket.sequences import NOBODY, Batch, visible

WISH_WEIGHT = 0.6  # of the lesson, beside the text


class Listener(torch.nn.Module):
    """Tells what messages want from the middle of the model: a lesson beside the text."""

    def __init__(self, hidden: int, intents: int):
        super().__init__()
        self.norm = torch.nn.RMSNorm(hidden)
        self.told = torch.nn.Linear(hidden, intents)

    def forward(self, middle: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Mean negative log-probability of the intents; `middle` has shape (R, T, hidden)."""
        at = middle.flatten(0, 1)[batch.asked.to(middle.device)].float()
        wish = batch.wish.to(middle.device)
        return cross_entropy(self.told(self.norm(at)), wish, ignore_index=NOBODY)


def loss(model: Qwen2ForCausalLM, listener: Listener, batch: Batch, device: str) -> torch.Tensor:
    """The weighted mean over the text, and the lesson where the batch has messages for it."""
    last, middle = states(model, batch, device)
    weight = batch.weight.to(device)
    text = (target_losses(model, last, batch) * weight).sum() / weight.sum().clamp(min=1.0)
    if (batch.wish == NOBODY).all():
        return text
    return text + WISH_WEIGHT * listener(middle, batch)


@cache
def fast_bfloat16(kind: str) -> bool:
    """Whether the device ("cpu", "cuda") multiplies matrices faster in bfloat16 than in float32.

    A processor is timed: some that have the instructions take twice as long with them.
    """
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    if not (able.get("amx_bf16") or able.get("avx512_bf16")):
        return False
    return _seconds(torch.bfloat16) < 0.8 * _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """The shortest of some products of a layer's size."""
    left, right = torch.ones(2048, 256, dtype=dtype), torch.ones(256, 768, dtype=dtype)
    taken = []
    for _ in range(12):
        begin = time.perf_counter()
        left @ right
        taken.append(time.perf_counter() - begin)
    return min(taken)


def states(model: Qwen2ForCausalLM, batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states after the last layer and after three quarters of them, each (R, T, hidden)."""
    with _autocast(model, device):
        out = model.model(
            input_ids=batch.ids.to(device),
            attention_mask=visible(batch.segment.to(device)),
            position_ids=batch.positions.to(device),
            use_cache=False,
            output_hidden_states=True,
        )
    return out.last_hidden_state, out.hidden_states[3 * len(model.model.layers) // 4]


def target_losses(model: Qwen2ForCausalLM, last: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Negative log-probability of each target, shape (N,), float32; `last` as `states` gives it."""
    device = str(last.device)
    with _autocast(model, device):
        logits = linear(last.flatten(0, 1)[batch.source.to(device)], model.lm_head.weight)
    return cross_entropy(logits.float(), batch.target.to(device), reduction="none")


def _autocast(model: Qwen2ForCausalLM, device: str) -> torch.autocast:
    kind = device.split(":")[0]
    return torch.autocast(kind, torch.bfloat16, enabled=model.training and fast_bfloat16(kind))
