"""The lean forward of Llama and Qwen models: all new tokens of all sequences in one pass.

Tokens of different sequences run as rows of the same matrix products, so the weights are read once
a step; only attention looks at each sequence by itself.
"""

import sys
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from inference.lean.attention import StepAttention
from inference.lean.kv import KVShape, SequenceKV, in_blocks
from inference.lean.linear import FloatLinear, Int8Linear, bfloat16_is_fast
from inference.lean.rope import Angles, Rope, rotate_
from inference.lean.segments import Append, Segment
from inference.lean.slots import KVSlots
from inference.lean.weights import Layer, Taker

SLOT = 2048  # tokens: what is longer gains nothing from attending together with others


class LeanModel:
    """Runs segments on weights taken from a transformers module, which is empty afterwards.

    Args:
        module: a causal language model for which `weights.belongs` holds.
        dtype: "float32", "bfloat16" (both as the module has them) or "int8".
        running: sequences that are answered at the same time; they get slots, on a CPU.
    """

    at_once = sys.maxsize  # segments that one forward takes
    forks = True  # a Fork may look at a KV
    reusable = True  # a KV can be cut to a prefix and continued

    def __init__(self, module, dtype: str, running: int = 0):
        config = module.config
        self.config = config
        self.dtype = torch.float32 if dtype == "int8" else getattr(torch, dtype)
        self._device = module.device
        # int8 rounds activations more coarsely than that, and a token reads half of the memory.
        halved = dtype == "int8" and bfloat16_is_fast()
        self._kv_dtype = torch.bfloat16 if halved else self.dtype
        linear = Int8Linear if dtype == "int8" else FloatLinear
        self._rope = _rope(module)
        taker = Taker(linear, self.dtype)
        self._head = taker.linear(module.get_output_embeddings())  # first: it needs most memory
        self._embedding = taker.embedding(module, self._head)
        self._layers = taker.layers(module)
        self._norm = taker.norm(module.model.norm)
        self._epsilon = config.rms_norm_eps
        self._set_heads(config)
        self._slots = self._make_slots(running) if running else None

    @property
    def bytes_a_token(self) -> int:
        """KV of one token."""
        return self._shape.bytes_a_token

    def new_kv(self, limit: int) -> SequenceKV:
        """An empty KV that may grow to `limit` tokens."""
        return SequenceKV(self._shape, limit, self._slots)

    @torch.inference_mode()
    def forward(self, segments: Sequence[Segment]) -> list[torch.Tensor]:
        """Logits of each segment, float32 on the CPU; their shapes stand with the segments.

        Appended tokens count as computed only when all went well.
        """
        tokens = [each for segment in segments for each in segment.tokens]
        positions = [each for segment in segments for each in segment.positions]
        ids = torch.tensor(tokens, device=self._device)
        hidden = self._embedding(ids).to(self.dtype)
        angles = self._rope.angles(positions, self.dtype)
        attention = StepAttention(segments, self._groups, self.dtype, self._device)
        for index, layer in enumerate(self._layers):
            hidden = hidden + self._attend(index, layer, hidden, angles, attention)
            hidden = hidden + self._mlp(layer, hidden)
        logits = self._logits(hidden, segments)
        for segment in segments:
            if isinstance(segment, Append):
                segment.kv.advance(len(segment.ids))
        return logits

    def _set_heads(self, config) -> None:
        heads = config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        kv_heads = config.num_key_value_heads
        self._heads, self._groups = heads, heads // kv_heads
        self._shape = KVShape(
            config.num_hidden_layers, kv_heads, size, self._kv_dtype, self._device
        )

    def _make_slots(self, count: int) -> KVSlots | None:
        if sys.platform != "linux" or self._device.type != "cpu":
            return None
        capacity = min(SLOT, in_blocks(self.config.max_position_embeddings))
        return KVSlots(self._shape, count, capacity)

    def _attend(
        self, index: int, layer: Layer, hidden: torch.Tensor, angles: Angles, attention
    ) -> torch.Tensor:
        size, kv_heads = self._shape.head_size, self._shape.heads
        projected = layer.qkv(self._normed(hidden, layer.attention_norm))
        heads = projected.view(len(hidden), self._heads + 2 * kv_heads, size)
        turned = heads[:, : self._heads + kv_heads]
        if layer.head_norm is not None:
            turned.copy_(F.rms_norm(turned, (size,), eps=self._epsilon) * layer.head_norm)
        rotate_(turned, angles)
        queries = heads[:, : self._heads].unflatten(1, (kv_heads, self._groups))
        pairs = heads[:, self._heads :].unflatten(1, (2, kv_heads))
        return layer.output(attention(index, queries, pairs).flatten(1))

    def _mlp(self, layer: Layer, hidden: torch.Tensor) -> torch.Tensor:
        """SwiGLU (Shazeer 2020)."""
        gate, up = layer.gate_up(self._normed(hidden, layer.mlp_norm)).chunk(2, dim=1)
        return layer.down(F.silu(gate, inplace=True).mul_(up))

    def _normed(self, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """RMSNorm (Zhang and Sennrich 2019)."""
        return F.rms_norm(hidden, weight.shape, weight, self._epsilon)

    def _logits(self, hidden: torch.Tensor, segments: Sequence[Segment]) -> list[torch.Tensor]:
        rows, start = [], 0
        for segment in segments:
            rows += [start + each for each in segment.wanted]
            start += len(segment.tokens)
        wanted = self._normed(hidden[torch.tensor(rows, device=self._device).long()], self._norm)
        logits = self._head(wanted).float().cpu()
        return list(logits.split([len(segment.wanted) for segment in segments]))


def _rope(module) -> Rope:
    rotary = module.model.rotary_emb
    return Rope(rotary.inv_freq, rotary.attention_scaling)
