"""A second opinion on a corpus's labels: a linear judge of words and letters, on rows it never saw.

One person's label of a short comment is noisy, and a small model that reads the same rows many
times learns the noise by heart. So a training shares each label with softmax regression on n-grams,
fitted on the other folds of the same corpus: with what can be told from the text. It judges
whatever a row is turned into, too, so that no two readings need be of the same text.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch.nn.functional import embedding_bag, one_hot

_SIZE = 1 << 19  # of the hashed features
_WORD = re.compile(r"\w+|[^\w\s]")
_LETTERS = range(2, 6)  # lengths of the pieces of a word
FOLDS = 4
_PENALTY = 1.0  # on half the squared weights, against the sum of the rows' losses
_STEPS = 40  # of L-BFGS


@dataclass(frozen=True)
class _Rows:
    """TF-IDF rows of length 1 with the logarithm of counts, one behind the other."""

    columns: torch.Tensor  # of all rows' features; the last feature is the constant 1
    values: torch.Tensor
    starts: torch.Tensor  # where each row begins

    def scores(self, weights: torch.Tensor) -> torch.Tensor:
        """The rows times `weights` (features, labels); shape (rows, labels)."""
        return embedding_bag(
            self.columns, weights, self.starts, mode="sum", per_sample_weights=self.values
        )

    def spread(self, slopes: torch.Tensor) -> torch.Tensor:
        """The transposed rows times `slopes` (rows, labels); shape (features, labels).

        By hand: autograd takes nearly twice as long for the gradient of an embedding bag.
        """
        counts = self.starts.diff(append=torch.tensor([len(self.columns)]))
        each = slopes.repeat_interleave(counts, 0) * self.values[:, None]
        return torch.zeros(_SIZE, slopes.shape[1]).index_add_(0, self.columns, each)


class Judges:
    """A regression for every fold of a corpus, fitted on the other folds: none knows its own rows.

    `rows` are (text, label), at least `FOLDS` of them, of which every label is one of `names`.
    `coming` hears the number of each fold, from 1, before its regression is fitted.
    """

    def __init__(
        self,
        rows: Sequence[tuple[str, str]],
        names: Sequence[str],
        coming: Callable[[int], None] = lambda _: None,
    ):
        self.names = names
        counts = [Counter(_features(text)) for text, _ in rows]
        labels = torch.tensor([names.index(label) for _, label in rows])
        fold = torch.arange(len(rows)) % FOLDS
        self._fitted = []
        for each in range(FOLDS):
            coming(each + 1)
            seen = (fold != each).nonzero()[:, 0]
            rarity = _rarity([counts[i] for i in seen])
            weights = _fit(_laid_out([counts[i] for i in seen], rarity), labels[seen], len(names))
            self._fitted.append((rarity, weights))

    def shares(self, text: str, row: int) -> dict[str, float]:
        """The probability of each label, told by the one that has not read the row of this number;
        `text` is that row, or something made of it and others of its fold."""
        rarity, weights = self._fitted[row % FOLDS]
        scores = _laid_out([Counter(_features(text))], rarity).scores(weights)
        return dict(zip(self.names, scores.softmax(-1)[0].tolist(), strict=True))


def _features(text: str) -> Iterator[int]:
    """Hashes of words, pairs of words and pieces of words."""
    words = _WORD.findall(text.lower())
    parts = [*words, *map(" ".join, pairwise(words))]
    for word in words:
        edged = f" {word} "
        parts += {edged[i : i + n] for n in _LETTERS for i in range(max(1, len(edged) - n + 1))}
    return (zlib.crc32(part.encode()) % (_SIZE - 1) for part in parts)


def _rarity(counts: Sequence[Counter[int]]) -> torch.Tensor:
    """The inverse document frequency of each feature, smoothed; shape (features,)."""
    found = torch.zeros(_SIZE)
    for each in counts:
        found[list(each)] += 1
    return torch.log((1 + len(counts)) / (1 + found)) + 1


def _laid_out(counts: Sequence[Counter[int]], rarity: torch.Tensor) -> _Rows:
    starts, columns, values = [], [], []
    for each in counts:
        starts.append(len(columns))
        at = list(each)
        row = torch.tensor([1 + math.log(each[i]) for i in at]) * rarity[at]
        columns += [*at, _SIZE - 1]
        values += [*(row / row.norm().clamp(min=1e-9)).tolist(), 1.0]
    return _Rows(torch.tensor(columns), torch.tensor(values), torch.tensor(starts))


def _fit(rows: _Rows, labels: torch.Tensor, names: int) -> torch.Tensor:
    """Softmax regression with a squared penalty; weights of shape (features, names)."""
    weights = torch.zeros(_SIZE, names)
    truth = one_hot(labels, names).float()
    solver = torch.optim.LBFGS(
        [weights], max_iter=_STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    @torch.no_grad()
    def loss() -> torch.Tensor:
        scores = rows.scores(weights)
        weights.grad = rows.spread(scores.softmax(-1) - truth).add_(weights, alpha=_PENALTY)
        missed = -(truth * scores.log_softmax(-1)).sum()
        return missed + _PENALTY / 2 * weights.square().sum()

    solver.step(loss)
    return weights
