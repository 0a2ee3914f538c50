"""Which tokens of which sequence run in the next step.

Every running reply gets its next token in every step, and so does what is written aside. Beside
them at most a chunk of prompts is computed, labels first, so that a long prompt never holds up
those who are being answered.
"""

from inference.cache import SPARE, KVCache
from inference.lean.segments import Append, Fork, Segment
from inference.sequence import Kind, Sequence

PREFILL_CHUNK = 256  # tokens of prompts and labels in one step
REPLY_SHARE = 64  # of them for new replies, however many labels come


class Planner:
    """Turns sequences into segments.

    A label is a Fork: its message or question, with all labels behind it, reads what others have
    computed (a system prompt, a conversation) and leaves nothing. Whoever needs what another is
    just computing waits for it.
    """

    def __init__(self, model, cache: KVCache):
        self._model, self._cache = model, cache
        self._left = 0  # tokens of prompts that this step may still take
        self._for_replies = 0
        self._full = False  # an earlier reply waits for memory: later ones queue up behind it

    def plan(self, batch: list[Sequence]) -> dict[Sequence, list[Segment] | Exception]:
        """The segments of each prepared sequence; empty for those that wait this time."""
        labels = [each for each in batch if each.kind is Kind.LABEL]
        written = [each for each in batch if each.kind is not Kind.LABEL]
        self._cache.unpin()
        starting = any(not each.output_ids for each in written)
        self._left, self._for_replies, self._full = PREFILL_CHUNK, REPLY_SHARE * starting, False
        plan = {sequence: self._segments(sequence) for sequence in labels}
        self._left, self._for_replies = max(self._left, self._for_replies), 0
        plan.update({sequence: self._segments(sequence) for sequence in written})
        return plan

    def _segments(self, sequence: Sequence) -> list[Segment] | Exception:
        try:
            if sequence.kind is Kind.LABEL:
                return self._label(sequence)
            return self._written(sequence) if sequence.decodes else self._verdict(sequence)
        except Exception as error:
            return error

    def _written(self, sequence: Sequence) -> list[Segment]:
        if sequence.output_ids:
            rest = sequence.output_ids[sequence.lease.kv.length - len(sequence.prompt_ids) :]
            chunk = rest if self._model.reusable else rest[:1]  # its state grows token by token
            return [self._append(sequence, chunk, logits=len(chunk) == len(rest))]
        if self._left <= 0 or not (sequence.lease or self._begin(sequence)):
            return []
        rest = sequence.prompt_ids[sequence.lease.kv.length :]
        chunk = rest[: self._granted(len(rest))]
        return [self._append(sequence, chunk, logits=len(chunk) == len(rest))]

    def _verdict(self, sequence: Sequence) -> list[Segment]:
        """The labels behind a thought: as few tokens as they are, they wait for no room."""
        kv = sequence.lease.kv if self._model.forks else None
        known = kv.length if kv else 0
        fork = Fork(kv, known, (sequence.ids + sequence.closing)[known:], _leaves(sequence))
        self._left -= len(fork.tokens)
        return [fork]

    def _begin(self, sequence: Sequence) -> bool:
        """Lease memory for a whole reply; False while there is none, or a prefix is coming."""
        ids = sequence.prompt_ids
        if self._full or self._cache.coming(ids) > self._cache.known(ids) + SPARE:
            return False
        sequence.lease = self._cache.lease(ids, len(ids) + sequence.limit, decodes=True)
        self._full = sequence.lease is None
        return not self._full

    def _label(self, sequence: Sequence) -> list[Segment]:
        if not self._model.forks:
            return self._fork(sequence, None, 0)
        if self._left <= self._for_replies:
            return []
        if sequence.lease is None:
            found = self._cache.look(sequence.prompt_ids, sequence.trunk)
            if found is not None:
                return self._fork(sequence, *found)
            if not self._begin_trunk(sequence):
                return []
        return self._grow_trunk(sequence)

    def _begin_trunk(self, sequence: Sequence) -> bool:
        ids = sequence.prompt_ids[: sequence.trunk + 1]  # the last of a row never counts
        if self._cache.coming(ids) > self._cache.known(ids) + SPARE:
            return False
        sequence.lease = self._cache.lease(ids[:-1], sequence.trunk)
        return sequence.lease is not None

    def _grow_trunk(self, sequence: Sequence) -> list[Segment]:
        """Compute what others will need too, and fork off it as soon as it is complete."""
        lease, segments = sequence.lease, []
        rest = sequence.prompt_ids[lease.kv.length : sequence.trunk]
        if chunk := rest[: self._granted(len(rest))]:
            segments.append(self._append(sequence, chunk, logits=False))
        if lease.planned == sequence.trunk:
            segments += self._fork(sequence, lease.kv, sequence.trunk)
        return segments

    def _append(self, sequence: Sequence, ids: list[int], logits: bool = True) -> Append:
        lease = sequence.lease
        lease.planned = lease.kv.length + len(ids)
        return Append(lease.kv, ids, logits)

    def _fork(self, sequence: Sequence, kv, known: int) -> list[Segment]:
        fork = Fork(kv, known, sequence.prompt_ids[known:], _leaves(sequence))
        room = self._left - self._for_replies
        tokens = len(fork.tokens)
        if tokens > room and self._left < PREFILL_CHUNK:
            return []
        self._left -= tokens
        return [fork]

    def _granted(self, tokens: int) -> int:
        """How many of the tokens of a prompt may run now."""
        if not self._model.reusable:  # nor can it be computed in pieces
            self._left -= tokens
            return tokens
        granted = max(0, min(tokens, self._left - self._for_replies))
        self._left -= granted
        return granted


def _leaves(sequence: Sequence) -> list[list[int]]:
    return [label[:-1] for label in sequence.label_ids]  # nothing is asked after an end
