"""Classifications that need no second forward: the same words, task version and model."""

import hashlib
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache

from inference.calibration import probabilities
from inference.sequence import Classified
from inference.tasks import Affine


@dataclass(frozen=True)
class Counters:
    """How often a repeat was asked for and found, since the process began."""

    hits: int
    misses: int
    entries: int
    size: int  # entries at most


class RepeatCache:
    """The label log-probabilities of recent messages, the least recently used forgotten first.

    Only for tasks that read the message alone: what a conversation means depends on all of it.
    Raw scores are kept, so that a later calibration or threshold counts for repeats too, and no
    text: keys are digests. Any thread may use it. A size of 0 keeps nothing and counts nothing.
    """

    def __init__(self, size: int):
        self._size = size
        self._scores: OrderedDict[bytes, Mapping[str, float]] = OrderedDict()
        self._hits = self._misses = 0
        self._lock = threading.Lock()

    def recall(self, part: str, text: str, version: str, model_id: str) -> Classified | None:
        """The answer to the same message, as an event of `part`; None if it was not asked yet."""
        if not self._size:
            return None
        began, key = time.perf_counter(), _key(text, version, model_id)
        with self._lock:
            scores = self._scores.get(key)
            self._hits += scores is not None
            self._misses += scores is None
            if scores is None:
                return None
            self._scores.move_to_end(key)
        shares = probabilities(scores, Affine())
        label = max(shares, key=shares.get)
        took = (time.perf_counter() - began) * 1000
        return Classified(part, scores, shares, label, shares[label], took)

    def remember(self, text: str, version: str, model_id: str, scores: Mapping[str, float]) -> None:
        """Keep the raw label log-probabilities of a message."""
        if not self._size:
            return
        with self._lock:
            self._scores[_key(text, version, model_id)] = dict(scores)
            self._scores.move_to_end(_key(text, version, model_id))
            while len(self._scores) > self._size:
                self._scores.popitem(last=False)

    @property
    def counters(self) -> Counters:
        with self._lock:
            return Counters(self._hits, self._misses, len(self._scores), self._size)


@cache
def repeats() -> RepeatCache:
    """The one of this process, as large as INFERENCE_REPEAT_SIZE says."""
    from django.conf import settings

    return RepeatCache(settings.INFERENCE_REPEAT_SIZE)


def report() -> dict[str, int]:
    """The process's counters, for health checks and pages."""
    return asdict(repeats().counters)


def normalised(text: str) -> str:
    """What makes two messages the same: spaces, wide forms and letter case do not tell them apart.

    But shouting does: THANKS is kept apart from thanks, since a mood may lie in it.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return plain if plain.isupper() else plain.casefold()


def _key(text: str, version: str, model_id: str) -> bytes:
    parts = (normalised(text), version, model_id)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
