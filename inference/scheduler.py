"""Who runs. Pure Python: it moves sequences, it never looks into them.

Labels go before new replies (somebody may have to be warned), and what is written aside after them
(nobody sees it grow); each kind first come, first served. Everything that is being written gets one
token a step, so no conversation can outrun another. How much of the admitted prompts a step takes
is the planner's business: it knows their tokens.
"""

from collections import deque
from collections.abc import Sequence as Many
from itertools import chain

from inference.errors import QueueFull
from inference.sequence import Kind, Sequence, Status

LABELS_AT_ONCE = 16  # more would only wait inside the batch
ASIDES_AT_ONCE = 8  # each takes memory that replies may need, and slows their step


class Scheduler:
    """Not thread-safe: the engine holds its lock around every call."""

    def __init__(self, *, max_waiting: int, max_running: int):
        self.max_waiting = max_waiting
        self._most = {
            Kind.LABEL: LABELS_AT_ONCE,
            Kind.REPLY: max_running,
            Kind.ASIDE: ASIDES_AT_ONCE,
        }
        self._queues: dict[Kind, deque[Sequence]] = {kind: deque() for kind in self._most}
        self._running: list[Sequence] = []

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self._running)

    def has_room(self, parts: int = 1) -> bool:
        return self.waiting + parts <= self.max_waiting

    def add(self, sequences: Many[Sequence]) -> None:
        """Take all of them or none.

        Raises:
            QueueFull: more would wait than may wait.
        """
        if not self.has_room(len(sequences)):
            raise QueueFull(f"{self.waiting} parts wait already, of {self.max_waiting} at most.")
        for sequence in sequences:
            self._queues[sequence.kind].append(sequence)

    def cancel(self, ticket: int, part: str | None = None) -> None:
        """Mark one part, or all of a ticket; unknown or finished ones are ignored."""
        for sequence in self._all():
            if sequence.ticket == ticket and part in (None, sequence.part):
                sequence.cancelled = True

    def remove_cancelled(self) -> list[Sequence]:
        """Take the cancelled sequences out, in the order they were submitted."""
        cancelled = [each for each in self._all() if each.cancelled]
        for sequence in cancelled:
            self.finish(sequence)
        return sorted(cancelled, key=lambda each: each.ticket)

    def schedule(self) -> list[Sequence]:
        """The sequences of the next step: labels, replies, then asides; of each kind the running
        ones come before new ones."""
        batch: list[Sequence] = []
        for kind, queue in self._queues.items():
            running = [each for each in self._running if each.kind is kind]
            batch += running + self._admit(queue, self._most[kind] - len(running))
        self._running = batch
        return list(batch)

    def finish(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it is."""
        sequence.status = Status.DONE
        for place in (self._queues[sequence.kind], self._running):
            if sequence in place:
                place.remove(sequence)

    def clear(self) -> list[Sequence]:
        """Take everything out."""
        everything = self._all()
        for sequence in everything:
            self.finish(sequence)
        return everything

    def _all(self) -> list[Sequence]:
        return [*chain.from_iterable(self._queues.values()), *self._running]

    def _admit(self, queue: deque[Sequence], most: int) -> list[Sequence]:
        admitted = [queue.popleft() for _ in range(min(most, len(queue)))]
        for sequence in admitted:
            sequence.status = Status.RUNNING
        return admitted
