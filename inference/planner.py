"""Which tokens of which sequence run in the next step.

Every running reply gets its next token in every step. Beside them at most a chunk of prompts is
computed, labels first, so that a long prompt never holds up those who are being answered.
"""

from inference.cache import SPARE, KVCache
from inference.lean.segments import Append, Fork, Segment
from inference.sequence import Sequence

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
        labels = [each for each in batch if not each.is_reply]
        replies = [each for each in batch if each.is_reply]
        self._cache.unpin()
        starting = any(not each.output_ids for each in replies)
        self._left, self._for_replies, self._full = PREFILL_CHUNK, REPLY_SHARE * starting, False
        plan = {sequence: self._segments(sequence) for sequence in labels}
        self._left, self._for_replies = max(self._left, self._for_replies), 0
        plan.update({sequence: self._segments(sequence) for sequence in replies})
        return plan

    def _segments(self, sequence: Sequence) -> list[Segment] | Exception:
        try:
            return self._reply(sequence) if sequence.is_reply else self._label(sequence)
        except Exception as error:
            return error

    def _reply(self, sequence: Sequence) -> list[Segment]:
        if sequence.output_ids:
            return [self._append(sequence, sequence.output_ids[-1:])]
        if self._left <= 0 or not (sequence.lease or self._begin(sequence)):
            return []
        rest = sequence.prompt_ids[sequence.lease.kv.length :]
        chunk = rest[: self._granted(len(rest))]
        return [self._append(sequence, chunk, logits=len(chunk) == len(rest))]

    def _begin(self, sequence: Sequence) -> bool:
        """Lease memory for a whole reply; False while there is none, or a prefix is coming."""
        ids = sequence.prompt_ids
        if self._full or self._cache.coming(ids) > self._cache.known(ids) + SPARE:
            return False
        sequence.lease = self._cache.lease(ids, len(ids) + sequence.limit)
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
        leaves = [label[:-1] for label in sequence.label_ids]  # nothing is asked after an end
        fork = Fork(kv, known, sequence.prompt_ids[known:], leaves)
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
