"""Which of many short texts is most like another: BM25 over pieces of words. Pure.

Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond". The usual small
libraries (bm25s, rank_bm25) have to index everything anew when a text is added; here one goes in or
out in its own time.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict

K1, B = 1.2, 0.75  # the usual: how soon repeats stop to count, how much length does
_RUN = re.compile(r"(?P<han>[\u3400-\u4dbf\u4e00-\u9fff]+)|[^\W_]+")


class Similar:
    """Texts by number; of two that are equally alike, the higher number comes first."""

    def __init__(self) -> None:
        self._grams: dict[int, Counter[str]] = {}
        self._holders: defaultdict[str, dict[int, int]] = defaultdict(dict)  # gram: key: how often
        self._damping: dict[int, float] | None = None  # by key; None when it is out of date

    def __len__(self) -> int:
        return len(self._grams)

    def put(self, key: int, text: str) -> None:
        """Add a text, or replace the one of this key."""
        self.drop(key)
        self._grams[key] = Counter(pieces(text))
        for gram, count in self._grams[key].items():
            self._holders[gram][key] = count

    def drop(self, key: int) -> None:
        """Forget a text; nothing happens if there is none."""
        self._damping = None
        for gram in self._grams.pop(key, ()):
            del self._holders[gram][key]
            if not self._holders[gram]:
                del self._holders[gram]

    def ranked(self, text: str) -> list[int]:
        """The keys of texts that have anything in common with this one, the likest first."""
        scores: defaultdict[int, float] = defaultdict(float)
        damping = self._damped()
        for gram in set(pieces(text)):
            holders = self._holders.get(gram, {})
            rarity = math.log(1 + (len(self._grams) - len(holders) + 0.5) / (len(holders) + 0.5))
            worth = rarity * (K1 + 1)
            for key, count in holders.items():
                scores[key] += worth * count / (count + damping[key])
        return [key for _, key in sorted(zip(scores.values(), scores, strict=True), reverse=True)]

    def _damped(self) -> dict[int, float]:
        """How slowly a gram counts in each text: the more, the longer it is beside the others."""
        if self._damping is None:
            lengths = {key: grams.total() for key, grams in self._grams.items()}
            mean = sum(lengths.values()) / len(lengths) if lengths else 1.0
            self._damping = {
                key: K1 * (1 - B + B * length / (mean or 1.0)) for key, length in lengths.items()
            }
        return self._damping


def pieces(text: str) -> list[str]:
    """Three letters of a word with its edges; two characters of Chinese, which has no spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = []
    for run in _RUN.finditer(plain):
        word, size = (run[0], 2) if run["han"] else (f" {run[0]} ", 3)
        found += [word[at : at + size] for at in range(max(1, len(word) - size + 1))]
    return found
