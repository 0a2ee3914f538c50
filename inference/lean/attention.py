"""Attention of one step, segment by segment: no sequence pays for another's length. Only single
tokens of sequences side by side attend together, as far as their lengths are alike.

Queries that share a head of keys and values are laid side by side as rows, so grouped heads
(Ainslie et al. 2023, GQA) need no copies of keys and values.

Where the KV is kept in bfloat16, a single new token attends in it: that is bound by what it reads.
Many attend in the activations' own precision, which is faster then.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F

from inference.lean.beside import Beside
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
        where = {"dtype": dtype, "device": device}
        counts = [len(segment.tokens) for segment in segments]
        starts = [0, *accumulate(counts)][:-1]
        placed = list(zip(starts, segments, strict=True))
        beside = [(start, each) for start, each in placed if _lies_beside(each)]
        appends = [each for each in placed if isinstance(each[1], Append) and each not in beside]
        forks = [(start, each) for start, each in placed if isinstance(each, Fork)]
        # Forks may look at what this step appends, so appends have their memory and turn first.
        self._appends = [
            (slice(start, start + len(each.ids)), _append(each, groups, **where))
            for start, each in appends
        ]
        self._beside = Beside(beside) if beside else None
        self._forks = [_Branches(each, groups, **where) for each in _alike(forks)]

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        """What every token gathers, shaped like `queries`.

        Args:
            queries: (tokens, heads, groups, head size), rotated.
            pairs: (tokens, 2, heads, head size), keys (rotated) and values.
        """
        gathered = torch.empty_like(queries)
        for place, part in self._appends:
            gathered[place] = part(layer, queries[place], pairs[place])
        if self._beside:
            self._beside(layer, queries, pairs, gathered)
        for part in self._forks:
            part(layer, queries, pairs, gathered)
        return gathered


def _lies_beside(segment: Segment) -> bool:
    """Whether it is one new token of a sequence in a slot."""
    return isinstance(segment, Append) and len(segment.ids) == 1 and segment.kv.slot is not None


def _append(segment: Append, groups: int, **where) -> "_Decode | _Prefill":
    return _Decode(segment) if len(segment.ids) == 1 else _Prefill(segment, groups, **where)


def _alike(forks: Iterable[tuple[int, Fork]]) -> list[list[tuple[int, Fork]]]:
    """Forks of one prefix together; their lengths differ by less than half, so little is padded."""
    found = defaultdict(list)
    for start, fork in forks:
        found[id(fork.kv), fork.known, len(fork.tokens).bit_length()].append((start, fork))
    return list(found.values())


class _Decode:
    """One new token, which sees everything: no mask, and nothing to lay out."""

    def __init__(self, segment: Append):
        kv = segment.kv
        kv.reserve(1)
        self._places = kv.places(1)
        self._keys, self._values = kv.seen(kv.length + 1)

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        self._places[layer].copy_(pairs)
        keys, values = self._keys[layer], self._values[layer]
        return F.scaled_dot_product_attention(queries.to(keys.dtype), keys, values)


class _Prefill:
    """Several new tokens: each sees everything before it and itself."""

    def __init__(self, segment: Append, groups: int, **where):
        kv, count = segment.kv, len(segment.ids)
        kv.reserve(count)
        self._places = kv.places(count)
        self._keys, self._values = kv.seen(kv.length + count)
        seen = torch.ones(count, kv.length + count, dtype=torch.bool).tril(kv.length)
        self._mask = _additive(seen, groups, **where)

    def __call__(self, layer: int, queries: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        self._places[layer].copy_(pairs)
        keys = self._keys[layer].to(queries.dtype)
        values = self._values[layer].to(queries.dtype)
        result = F.scaled_dot_product_attention(_beside(queries)[None], keys, values, self._mask)
        return _by_token(result[0], len(queries))


class _Branches:
    """New tokens behind a prefix that is read where it lies; they see some of each other.

    Forks of one prefix are computed at once, as rows of one length. What fills them up is seen by
    nobody; it looks at its row's first token, for a softmax over nothing is no number.

    Args:
        forks: where the tokens of each begin in the step, and the fork.
    """

    def __init__(self, forks: Sequence[tuple[int, Fork]], groups: int, dtype, device):
        _, first = forks[0]
        self._keys, self._values = first.kv.seen(first.known) if first.known else ((), ())
        counts = [len(fork.tokens) for _, fork in forks]
        size = max(counts)
        starts = torch.tensor([start for start, _ in forks])[:, None]
        real = torch.arange(size) < torch.tensor(counts)[:, None]
        places = (starts + torch.arange(size)).where(real, starts)  # any that is there will do
        self._shape = (len(forks), size)
        self._places = places.flatten().to(device)
        self._real = real.flatten().nonzero()[:, 0].to(device)
        self._targets = self._places[self._real]
        seen = torch.zeros(len(forks), size, size, dtype=torch.bool)
        seen[:, :, 0] = True
        for mask, n, (_, fork) in zip(seen, counts, forks, strict=True):
            mask[:n, :n] = fork.sight()
        self._mask = _additive(seen, groups, dtype, device)[:, None]

    def __call__(
        self, layer: int, queries: torch.Tensor, pairs: torch.Tensor, gathered: torch.Tensor
    ) -> None:
        asked = queries[self._places].unflatten(0, self._shape)
        keys, values = pairs[self._places].unflatten(0, self._shape).permute(2, 0, 3, 1, 4)
        forks, size, heads, groups, width = asked.shape
        rows = asked.transpose(1, 2).reshape(forks, heads, size * groups, width) * width**-0.5
        scores = rows @ keys.mT + self._mask
        if self._keys:
            result = self._behind_prefix(layer, rows, scores, values)
        else:
            result = _softmax(scores) @ values
        found = result.unflatten(2, (size, groups)).transpose(1, 2).flatten(0, 1)
        gathered[self._targets] = found[self._real]

    def _behind_prefix(self, layer: int, rows, scores, values) -> torch.Tensor:
        keys = self._keys[layer][0].to(rows.dtype)
        old_values = self._values[layer][0].to(rows.dtype)
        known, together = keys.shape[1], _over_forks(rows)
        old_scores = _by_fork(together @ keys.mT, len(rows))
        weights = _softmax(torch.cat((old_scores, scores), dim=-1))
        old = _over_forks(weights[..., :known]) @ old_values
        return _by_fork(old, len(rows)) + weights[..., known:] @ values


def _over_forks(rows: torch.Tensor) -> torch.Tensor:
    """(forks, heads, rows, size) as (heads, forks x rows, size): one product for all."""
    return rows.transpose(0, 1).flatten(1, 2)


def _by_fork(rows: torch.Tensor, forks: int) -> torch.Tensor:
    """The way back from `_over_forks`."""
    return rows.unflatten(1, (forks, -1)).transpose(0, 1)


def _beside(queries: torch.Tensor) -> torch.Tensor:
    """(tokens, heads, groups, size) as (heads, tokens x groups, size)."""
    tokens, heads, groups, size = queries.shape
    return queries.transpose(0, 1).reshape(heads, tokens * groups, size)


def _by_token(rows: torch.Tensor, tokens: int) -> torch.Tensor:
    """The way back from `_beside`."""
    heads, _, size = rows.shape
    return rows.view(heads, tokens, -1, size).transpose(0, 1)


def _additive(seen: torch.Tensor, groups: int, dtype, device) -> torch.Tensor:
    """0 where a row may look and -inf elsewhere; (..., tokens x groups, places)."""
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, -torch.inf)
    return mask.repeat_interleave(groups, dim=-2).to(device)


def _softmax(scores: torch.Tensor) -> torch.Tensor:
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
