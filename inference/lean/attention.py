"""Attention of one step, segment by segment: no sequence pays for another's length.

Queries that share a head of keys and values are laid side by side as rows, so grouped heads
(Ainslie et al. 2023, GQA) need no copies of keys and values.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from inference.lean.segments import Append, Fork, Segment


class StepAttention:
    """Writes and reads the KV of all segments of one step.

    Args:
        groups: query heads that share one head of keys and values.
        dtype: of the activations.
    """

    def __init__(
        self, segments: Sequence[Segment], groups: int, dtype: torch.dtype, device: torch.device
    ):
        self._counts = [len(segment.tokens) for segment in segments]
        # Forks may look at what this step appends, so appends have their memory and turn first.
        order = sorted(range(len(segments)), key=lambda index: isinstance(segments[index], Fork))
        self._parts: list[tuple[int, _Appending | _Forking]] = []
        for index in order:
            kind = _Forking if isinstance(segments[index], Fork) else _Appending
            self._parts.append((index, kind(segments[index], groups, dtype, device)))

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        """What every token gathers, like `queries`.

        Args:
            queries: (tokens, heads, groups, head size), rotated.
            pairs: (tokens, 2, heads, head size), rotated keys and values.
        """
        gathered = torch.empty_like(queries)
        into, asked = gathered.split(self._counts), queries.split(self._counts)
        offered = pairs.split(self._counts)
        for index, part in self._parts:
            result = part(layer, _beside(asked[index]), offered[index].permute(1, 2, 0, 3))
            heads, _, size = result.shape
            by_token = result.view(heads, self._counts[index], -1, size).transpose(0, 1)
            into[index].copy_(by_token)
        return gathered


class _Appending:
    """New tokens see everything before them and themselves."""

    def __init__(self, segment: Append, groups: int, dtype, device):
        kv, count = segment.kv, len(segment.ids)
        kv.reserve(count)
        self._slots, self._seen = kv.slots(count), kv.seen(kv.length + count)
        self._mask = None
        if count > 1:
            seen = torch.ones(count, kv.length + count, dtype=torch.bool).tril(kv.length)
            self._mask = _additive(seen, groups, dtype, device)

    def __call__(self, layer: int, rows: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        self._slots[layer].copy_(pairs)
        keys, values = self._seen[layer].unsqueeze(1).to(rows.dtype)
        return F.scaled_dot_product_attention(rows[None], keys, values, self._mask)[0]


class _Forking:
    """New tokens see a prefix, which is read where it lies, and some of each other."""

    def __init__(self, segment: Fork, groups: int, dtype, device):
        self._seen = segment.kv.seen(segment.known) if segment.known else None
        self._mask = _additive(segment.sight(), groups, dtype, device)

    def __call__(self, layer: int, rows: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        keys, values = pairs
        rows = rows * rows.shape[-1] ** -0.5
        scores = rows @ keys.mT + self._mask
        if self._seen is None:
            return _softmax(scores) @ values
        old_keys, old_values = self._seen[layer].to(rows.dtype)
        weights = _softmax(torch.cat((rows @ old_keys.mT, scores), dim=-1))
        known = old_keys.shape[1]
        return weights[..., :known] @ old_values + weights[..., known:] @ values


def _beside(queries: torch.Tensor) -> torch.Tensor:
    """(tokens, heads, groups, size) as (heads, tokens x groups, size)."""
    tokens, heads, groups, size = queries.shape
    return queries.transpose(0, 1).reshape(heads, tokens * groups, size)


def _additive(seen: torch.Tensor, groups: int, dtype, device) -> torch.Tensor:
    """0 where a row may look and -inf elsewhere; (tokens x groups, places)."""
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, -torch.inf)
    return mask.repeat_interleave(groups, dim=0).to(device)


def _softmax(scores: torch.Tensor) -> torch.Tensor:
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
