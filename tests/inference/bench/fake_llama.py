"""llama.cpp's KV in Python: it keeps what every sequence holds and predicts from all of it."""

import numpy as np

from inference.bench.vocabulary import FIRST_WORD
from tests.inference.bench.conftest import TOY


def following(ids):
    """The token that greedy decoding takes after `ids`: it depends on every one of them."""
    return FIRST_WORD + hash(tuple(ids)) % (TOY.vocabulary - FIRST_WORD)


class FakeLibrary:
    """Stands in for `Library`; refuses what llama.cpp would refuse or silently get wrong."""

    def __init__(self, path, *, cells, sequences, batch, threads):
        self.cells = cells
        self._most = batch
        self._held = [[] for _ in range(sequences)]
        self._asked = {}
        self.fed = 0  # tokens that were computed
        self.largest = 0  # batch

    def decode(self, entries):
        assert 0 < len(entries) <= self._most
        if sum(map(len, self._held)) + len(entries) > self.cells:
            return False
        self._asked = {}
        for index, entry in enumerate(entries):
            held = self._held[entry.sequence]
            assert entry.position == len(held), "a token out of place"
            held.append(entry.token)
            if entry.asked:
                self._asked[index] = list(held)
        self.fed += len(entries)
        self.largest = max(self.largest, len(entries))
        return True

    def logits(self, index):
        row = np.zeros(TOY.vocabulary, np.float32)
        row[following(self._asked[index])] = 1
        return row

    def copy(self, source, target, length):
        assert not self._held[target], "a copy onto something"
        assert len(self._held[source]) >= length
        self._held[target] = self._held[source][:length]

    def cut(self, sequence, length):
        assert length <= len(self._held[sequence])
        del self._held[sequence][length:]

    def close(self):
        self._held = []
