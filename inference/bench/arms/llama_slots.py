"""Which tokens llama.cpp's sequences hold, and which sequence a prompt had best go on from.

Pure: it says what to do to the KV, the arm does it. Slots hold conversations, as in llama.cpp's
own server; roots hold the beginnings that many prompts share, to be copied at no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf


@dataclass
class Slot:
    """One sequence of the unified KV: the tokens it holds, in order."""

    sequence: int
    ids: list[int] = field(default_factory=list)
    busy: bool = False
    used: float = 0.0  # when it was released, in the caller's seconds


@dataclass(frozen=True)
class Start:
    """How a prompt begins: the slot's first `own` tokens stay, or `copied` ones of a root come."""

    slot: Slot
    own: int
    root: Slot | None = None
    copied: int = 0

    @property
    def known(self) -> int:
        return self.own or self.copied


class Slots:
    """Sequences 0 to `roots` - 1 are roots, the next `slots` are for prompts."""

    def __init__(self, roots: int, slots: int):
        self.roots: list[Slot] = []
        self._most_roots = roots
        self._slots = [Slot(roots + number) for number in range(slots)]

    def start(self, prompt: Sequence[int]) -> Start | None:
        """Take a slot for a prompt; None if all are busy. Never all of a prompt is known."""
        free = [slot for slot in self._slots if not slot.busy]
        if not free:
            return None
        most = len(prompt) - 1
        root = max(self.roots, key=lambda each: common(each.ids, prompt), default=None)
        copied = min(common(root.ids, prompt), most) if root else 0
        best = max(free, key=lambda slot: common(slot.ids, prompt))
        own = min(common(best.ids, prompt), most)
        if own > copied:
            return self._taken(Start(best, own), prompt)
        oldest = min(free, key=lambda slot: slot.used)
        return self._taken(Start(oldest, 0, root if copied else None, copied), prompt)

    def release(self, slot: Slot, now: float) -> None:
        """The prompt of this slot is over; what it holds may be gone on from."""
        slot.busy = False
        slot.used = now

    def new_root(self, ids: Sequence[int]) -> Slot | None:
        """A root for this beginning; None if there is one already, or no room for another."""
        if len(self.roots) == self._most_roots or list(ids) in [root.ids for root in self.roots]:
            return None
        self.roots.append(Slot(len(self.roots), list(ids)))
        return self.roots[-1]

    def evict(self, released_before: float = inf) -> Slot | None:
        """Empty the slot that rests longest; None if none holds anything or rests so long."""
        resting = [slot for slot in self._slots if slot.ids and not slot.busy]
        oldest = min(resting, key=lambda slot: slot.used, default=None)
        if oldest is None or oldest.used >= released_before:
            return None
        oldest.ids = []
        return oldest

    def _taken(self, start: Start, prompt: Sequence[int]) -> Start:
        start.slot.busy = True
        start.slot.ids = list(prompt[: start.known])
        return start


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many leading ids two sequences share."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
