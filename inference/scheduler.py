"""Who runs. Pure Python: it moves sequences, it never looks into them.

Labels go before new replies (somebody may have to be warned), both first come, first served.
Every running reply gets one token a step, so no conversation can outrun another. How much of the
admitted prompts a step takes is the planner's business: it knows their tokens.
"""

from collections import deque
from collections.abc import Sequence as Many

from inference.errors import QueueFull
from inference.sequence import Sequence, Status

LABELS_AT_ONCE = 16  # more would only wait inside the batch


class Scheduler:
    """Not thread-safe: the engine holds its lock around every call."""

    def __init__(self, *, max_waiting: int, max_running: int):
        self.max_waiting = max_waiting
        self.max_running = max_running
        self._labels: deque[Sequence] = deque()
        self._replies: deque[Sequence] = deque()
        self._running: list[Sequence] = []

    @property
    def waiting(self) -> int:
        return len(self._labels) + len(self._replies)

    @property
    def busy(self) -> bool:
        return bool(self._labels or self._replies or self._running)

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
            (self._replies if sequence.is_reply else self._labels).append(sequence)

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
        """The sequences of the next step: labels, running replies, then new ones."""
        labels = [each for each in self._running if not each.is_reply]
        replies = [each for each in self._running if each.is_reply]
        labels += self._admit(self._labels, LABELS_AT_ONCE - len(labels))
        replies += self._admit(self._replies, self.max_running - len(replies))
        self._running = labels + replies
        return list(self._running)

    def finish(self, sequence: Sequence) -> None:
        """Forget a sequence, wherever it is."""
        sequence.status = Status.DONE
        for place in (self._labels, self._replies, self._running):
            if sequence in place:
                place.remove(sequence)

    def clear(self) -> list[Sequence]:
        """Take everything out."""
        everything = self._all()
        for sequence in everything:
            self.finish(sequence)
        return everything

    def _all(self) -> list[Sequence]:
        return [*self._labels, *self._replies, *self._running]

    def _admit(self, queue: deque[Sequence], most: int) -> list[Sequence]:
        admitted = [queue.popleft() for _ in range(min(most, len(queue)))]
        for sequence in admitted:
            sequence.status = Status.RUNNING
        return admitted
