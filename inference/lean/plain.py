"""Any other architecture through transformers' own module: the same interface, slower."""

import logging
from collections.abc import Sequence

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from inference.lean.segments import Append, Fork, Segment

logger = logging.getLogger(__name__)


class PlainKV:
    """A DynamicCache that counts its tokens; only one of plain attention can be cut."""

    slot = None

    def __init__(self, cache: DynamicCache, bytes_a_token: int):
        self.cache = cache
        self.limit = 0
        self.length = 0
        self._bytes_a_token = bytes_a_token

    @property
    def nbytes(self) -> int:
        return self.length * self._bytes_a_token

    def reserve(self, tokens: int) -> None:
        """A DynamicCache grows by itself."""

    def truncate(self, length: int) -> None:
        if length < self.length:
            self.cache = _beginning(self.cache, length)
            self.length = length

    def enter(self) -> None:
        """There are no slots."""

    def leave(self, keep: bool) -> None:
        """Nor anything to give back."""

    def prefix_copy(self, length: int, limit: int, room: int = 0, slot: bool = False) -> "PlainKV":
        copy = PlainKV(_beginning(self.cache, length), self._bytes_a_token)
        copy.length, copy.limit = length, limit
        return copy


class PlainModel:
    """Runs segments one at a time on a transformers module.

    Layers that are no plain attention (windows, recurrent states) cannot be cut to a prefix: then
    `reusable` is False, nothing is kept and a prompt runs in one piece.
    """

    at_once = 1  # segments that one forward takes
    forks = False  # a Fork runs its labels as whole rows: not every attention takes a tree's mask

    def __init__(self, module):
        self.config, self.dtype = module.config, module.dtype
        self._module = module
        layers = DynamicCache(config=module.config).layers
        self.reusable = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
        logger.warning(
            "%s models run through transformers' own forward: one sequence at a time, labels "
            "as one batch. That is slower.",
            module.config.model_type,
        )

    @property
    def bytes_a_token(self) -> int:
        """KV of one token, as if every layer were plain attention: what others need is less."""
        config = self.config.get_text_config()
        heads = config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        kv_heads = getattr(config, "num_key_value_heads", None) or heads
        return config.num_hidden_layers * 2 * kv_heads * size * self.dtype.itemsize

    def new_kv(self, limit: int) -> PlainKV:
        """An empty KV."""
        return PlainKV(DynamicCache(config=self.config), self.bytes_a_token)

    @torch.inference_mode()
    def forward(self, segments: Sequence[Segment]) -> list[torch.Tensor]:
        """Logits of each segment, float32 on the CPU; their shapes stand with the segments.

        Raises:
            ValueError: a Fork has a prefix; this model takes whole prompts only.
        """
        return [self._append(s) if isinstance(s, Append) else self._fork(s) for s in segments]

    def _append(self, segment: Append) -> torch.Tensor:
        output = self._module(
            input_ids=self._rows([segment.ids]),
            past_key_values=segment.kv.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        segment.kv.length += len(segment.ids)
        return output.logits[0, -1:].float().cpu()[: len(segment.wanted)]

    def _fork(self, segment: Fork) -> torch.Tensor:
        """One row per leaf, padded on the right, where a causal model never looks."""
        if segment.known:
            raise ValueError("This model cannot fork behind a prefix.")
        longest = max(map(len, segment.leaves))
        rows = [segment.ids + leaf + [0] * (longest - len(leaf)) for leaf in segment.leaves]
        kept = torch.arange(len(segment.ids) - 1, len(rows[0]), device=self._module.device)
        output = self._module(input_ids=self._rows(rows), use_cache=False, logits_to_keep=kept)
        logits = output.logits.float().cpu()
        leaves = [row[1 : len(leaf) + 1] for row, leaf in zip(logits, segment.leaves, strict=True)]
        return torch.cat([logits[0, :1], *leaves])

    def _rows(self, ids: list[list[int]]) -> torch.Tensor:
        return torch.tensor(ids, device=self._module.device)


def _beginning(cache: DynamicCache, length: int) -> DynamicCache:
    """A cache of the first positions; copied, so that the rest can be freed."""
    copy = DynamicCache()
    for index, layer in enumerate(cache.layers):
        copy.update(layer.keys[:, :, :length].clone(), layer.values[:, :, :length].clone(), index)
    return copy
