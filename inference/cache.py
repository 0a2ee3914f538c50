"""Keys and values that were computed once, under one budget: kept ones and those being used.

Kept entries are found by the longest common prefix of their token ids. A sequence that runs holds
a lease: memory for all that it may ever need is promised at its start, so that nothing has to be
taken from a reply in its middle.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from inference.errors import KVTooSmall
from inference.lean.kv import in_blocks
from inference.prefixes import Entry, Holder, Lease, begins, longest

SPARE = 16  # tokens; so few are rather computed again than waited for or copied around


class KVCache:
    """Least recently used entries go when a lease needs their room. One thread only.

    Args:
        model: a lean or a plain one; what it cannot cut to a prefix is not kept.
        budget: bytes for all KV, kept and leased.
    """

    def __init__(self, model, budget: int):
        self._model = model
        self._budget = budget
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._leases: dict[int, Lease] = {}  # by identity, in the order they began

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def kept(self) -> int:
        """Bytes of what is kept."""
        return sum(entry.kv.nbytes for entry in self._entries.values())

    @property
    def promised(self) -> int:
        """Bytes of all leases."""
        return sum(lease.nbytes for lease in self._leases.values())

    def known(self, ids: Sequence[int]) -> int:
        """How many leading ids are computed already; never all, one is left to run."""
        return self._longest(np.asarray(ids))[1]

    def coming(self, ids: Sequence[int]) -> int:
        """How many leading ids will be known when all running prompts have been computed."""
        running = ((lease, len(lease.ids)) for lease in self._leases.values())
        return longest(np.asarray(ids), running)[1] if self._model.reusable else 0

    def look(self, ids: Sequence[int], least: int) -> tuple[Any, int] | None:
        """A KV that will hold at least so many leading ids in this step, and how many it will.

        It may be read in this step, after what the step appends. None: nobody will have them.
        """
        planned = ((lease, lease.planned) for lease in self._leases.values())
        kept = ((entry, entry.kv.length) for entry in self._entries.values())
        held = chain(planned, kept) if self._model.reusable else ()
        source, known = longest(np.asarray(ids), held)
        if known < least:
            return None
        if isinstance(source, Entry):
            source.pinned = True
            self._used(source)
        return (source.kv if source else None), known

    def lease(self, ids: Sequence[int], tokens: int, decodes: bool = False) -> Lease | None:
        """KV for a prompt of `ids` that may grow to `tokens`; None while there is no room.

        It begins with the longest prefix that is known. An entry that the prompt continues is
        taken over; of others the beginning is copied. One that `decodes` lies beside others in
        the model's slots, as far as they go.

        Raises:
            KVTooSmall: there would be no room even if nothing else ran.
        """
        need = self._nbytes(tokens)
        if need > self._budget:
            raise KVTooSmall(
                f"{tokens} tokens need {need / 2**20:.1f} MB of keys and values; "
                f"INFERENCE_KV_MB allows {self._budget / 2**20:g}."
            )
        row = np.asarray(ids)
        source, known = self._longest(row)
        if _continues(source, known) or not self._make_room(need, besides=source):
            kv = self._take(source, known, need)
        else:
            kv = self._copy(source, known, in_blocks(tokens), len(row), decodes)
        return None if kv is None else self._open(row, kv, known, tokens, decodes)

    def free(self, lease: Lease) -> None:
        """The sequence is over and nothing of it is worth keeping."""
        self._end(lease, keep=False)

    def keep(self, lease: Lease, ids: Sequence[int], root: bool = False) -> None:
        """The sequence is over: keep its KV, which holds `ids`, for whoever comes next."""
        row = np.asarray(ids[: lease.kv.length])
        worth = self._model.reusable and len(row) and not self._has(row)
        self._end(lease, keep=worth)
        if worth:
            self._drop_beginnings_of(row)
            self._add(Entry(row, lease.kv, root))

    def keep_root(self, lease: Lease, length: int) -> None:
        """Keep a copy of the first positions, a system prompt, while the sequence goes on."""
        row = lease.ids[:length]
        if not self._model.reusable or length <= lease.known or self._has(row):
            return
        if self._make_room(self._nbytes(length)):
            copy = lease.kv.prefix_copy(length, in_blocks(length))
            self._add(Entry(row, copy, root=True))

    def unpin(self) -> None:
        """A new step begins: nothing that is kept is looked at."""
        for entry in self._entries.values():
            entry.pinned = False

    def check(self) -> None:
        """Raise AssertionError if the bookkeeping is inconsistent; for tests and idle time."""
        assert self.kept + self.promised <= self._budget, "over budget"
        for key, entry in self._entries.items():
            assert key == _key(entry), "an entry under another's ids"
            assert entry.kv.length == len(entry.ids), "KV and ids differ in length"
            assert entry.kv.slot is None, "what nobody runs on lies in a slot"
        for lease in self._leases.values():
            assert lease.kv.nbytes <= lease.nbytes, "a lease holds more than was promised"
        owned = [id(each.kv) for each in self._holders()]
        assert len(owned) == len(set(owned)), "two hold one KV"

    def _holders(self) -> list[Holder]:
        return [*self._entries.values(), *self._leases.values()]

    def _end(self, lease: Lease, keep: bool) -> None:
        if self._leases.pop(id(lease), None) is not None:
            lease.kv.leave(keep)

    def _nbytes(self, tokens: int) -> int:
        return in_blocks(tokens) * self._model.bytes_a_token

    def _longest(self, row: np.ndarray) -> tuple[Holder | None, int]:
        if not self._model.reusable:
            return None, 0
        return longest(row, ((each, each.kv.length) for each in self._holders()))

    def _take(self, source: Holder | None, known: int, need: int):
        """The entry's own KV, cut to what is known; None if there is no room even so."""
        if source is None or not source.movable:
            return None
        if not self._make_room(need - source.kv.nbytes, besides=source):
            return None
        del self._entries[_key(source)]
        source.kv.truncate(known)
        return source.kv

    def _copy(self, source: Holder | None, known: int, limit: int, room: int, slot: bool):
        if source is None:
            return self._model.new_kv(limit)
        if isinstance(source, Entry) and source.root:
            self._used(source)  # others age: a template that rewrites history never comes back
        return source.kv.prefix_copy(known, limit, room, slot)

    def _open(self, row: np.ndarray, kv, known: int, tokens: int, decodes: bool) -> Lease:
        kv.limit = in_blocks(tokens)
        if decodes:
            kv.enter()
        kv.reserve(len(row) - known)
        lease = Lease(row, kv, max(self._nbytes(tokens), kv.nbytes), known, planned=known)
        self._leases[id(lease)] = lease
        return lease

    def _add(self, entry: Entry) -> None:
        self._entries[_key(entry)] = entry

    def _used(self, entry: Entry) -> None:
        self._entries.move_to_end(_key(entry))

    def _make_room(self, need: int, besides: Holder | None = None) -> bool:
        """Drop entries, least recently used first, until so many bytes are free.

        Nothing is dropped if that would not be enough.
        """
        free = self._budget - self.kept - self.promised
        loose = [each for each in self._entries.values() if each.movable and each is not besides]
        if free + sum(each.kv.nbytes for each in loose) < need:
            return False
        for entry in loose:
            if free >= need:
                break
            free += entry.kv.nbytes
            del self._entries[_key(entry)]
        return True

    def _has(self, row: np.ndarray) -> bool:
        """Whether an entry holds all of it, which is then the most recently used."""
        holder = next((each for each in self._entries.values() if begins(row, each.ids)), None)
        if holder is not None:
            self._used(holder)
        return holder is not None

    def _drop_beginnings_of(self, row: np.ndarray) -> None:
        """An earlier turn of a conversation is part of the later one; system prompts stay."""
        for entry in list(self._entries.values()):
            if not entry.root and begins(entry.ids, row):
                del self._entries[_key(entry)]


def _key(entry: Entry) -> bytes:
    return entry.ids.tobytes()


def _continues(source: Holder | None, known: int) -> bool:
    """Whether a prompt goes on where an entry ends, or nearly there."""
    if source is None or not source.movable or source.root:
        return False
    return source.kv.length - known <= SPARE
