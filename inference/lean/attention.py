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
        self._parts = [
            (index, _part(segments[index], groups, dtype=dtype, device=device)) for index in order
        ]

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        """What every token gathers, shaped like `queries`.

        Args:
            queries: (tokens, heads, groups, head size), rotated.
            pairs: (tokens, 2, heads, head size), keys (rotated) and values.
        """
        asked, offered = queries.split(self._counts), pairs.split(self._counts)
        gathered = list(asked)
        for index, part in self._parts:
            gathered[index] = part(layer, asked[index], offered[index])
        return torch.cat(gathered)


def _part(segment: Segment, groups: int, **where) -> "_Decode | _Prefill | _Branch":
    if isinstance(segment, Fork):
        return _Branch(segment, groups, **where)
    return _Decode(segment) if len(segment.ids) == 1 else _Prefill(segment, groups, **where)


class _Decode:
    """One new token, which sees everything: no mask, and nothing to lay out."""

    def __init__(self, segment: Append):
        kv = segment.kv
        kv.reserve(1)
        self._slots = kv.slots(1)
        self._keys, self._values = kv.seen(kv.length + 1)

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        self._slots[layer].copy_(pairs)
        return F.scaled_dot_product_attention(queries, self._keys[layer], self._values[layer])


class _Prefill:
    """Several new tokens: each sees everything before it and itself."""

    def __init__(self, segment: Append, groups: int, **where):
        kv, count = segment.kv, len(segment.ids)
        kv.reserve(count)
        self._slots = kv.slots(count)
        self._keys, self._values = kv.seen(kv.length + count)
        seen = torch.ones(count, kv.length + count, dtype=torch.bool).tril(kv.length)
        self._mask = _additive(seen, groups, **where)

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        self._slots[layer].copy_(pairs)
        keys, values = self._keys[layer], self._values[layer]
        result = F.scaled_dot_product_attention(_beside(queries)[None], keys, values, self._mask)
        return _by_token(result[0], len(queries))


class _Branch:
    """New tokens behind a prefix that is read where it lies; they see some of each other."""

    def __init__(self, segment: Fork, groups: int, **where):
        self._keys, self._values = segment.kv.seen(segment.known) if segment.known else ((), ())
        self._mask = _additive(segment.sight(), groups, **where)

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        keys, values = pairs.permute(1, 2, 0, 3)
        rows = _beside(queries) * queries.shape[-1] ** -0.5
        scores = rows @ keys.mT + self._mask
        if self._keys:
            result = self._behind_prefix(layer, rows, scores, values)
        else:
            result = _softmax(scores) @ values
        return _by_token(result, len(queries))

    def _behind_prefix(self, layer: int, rows, scores, values) -> torch.Tensor:
        keys, old_values = self._keys[layer][0], self._values[layer][0]
        weights = _softmax(torch.cat((rows @ keys.mT, scores), dim=-1))
        known = keys.shape[1]
        return weights[..., :known] @ old_values + weights[..., known:] @ values


def _beside(queries: torch.Tensor) -> torch.Tensor:
    """(tokens, heads, groups, size) as (heads, tokens x groups, size)."""
    tokens, heads, groups, size = queries.shape
    return queries.transpose(0, 1).reshape(heads, tokens * groups, size)


def _by_token(rows: torch.Tensor, tokens: int) -> torch.Tensor:
    """The way back from `_beside`."""
    heads, _, size = rows.shape
    return rows.view(heads, tokens, -1, size).transpose(0, 1)


def _additive(seen: torch.Tensor, groups: int, dtype, device) -> torch.Tensor:
    """0 where a row may look and -inf elsewhere; (tokens x groups, places)."""
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, -torch.inf)
    return mask.repeat_interleave(groups, dim=0).to(device)


def _softmax(scores: torch.Tensor) -> torch.Tensor:
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
