"""What one socket has yet to hear: the difference between what it was sent and what is true.

A feed holds no queue that could overflow or lose anything. When the bell rings, the rows changed
since its cursor are read, together with the text of the reply that is running in this process,
and the frames are whatever is missing. A slow socket simply gets larger deltas.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chat import frames
from chat.models.message import RUNNING, Role, State

# (seq, attempt) -> the text so far of replies that run in this process
Live = Mapping[tuple[int, int], str]


@dataclass(frozen=True)
class Reading:
    """One read of a conversation: rows after the cursor, every running reply, asked-for rows."""

    rev: int
    status: str
    rows: tuple  # Message rows


@dataclass
class Seen:
    """What a socket was last sent about one row."""

    attempt: int
    text: str
    ended: bool
    mood: tuple = ()


@dataclass
class Feed:
    show_sentiment: bool
    cursor: int = 0
    status: str = ""
    seen: dict[int, Seen] = field(default_factory=dict)

    def snapshot(self, reading: Reading, live: Live, since: int) -> list[dict]:
        """The rows as they are, after `ready`: a running reply with its text so far."""
        self.cursor, self.status = reading.rev, reading.status
        return [self._whole(row, live) for row in _ordered(reading.rows) if _news(row, since)]

    def advance(
        self, reading: Reading, live: Live, first: Iterable = (), again: Iterable[int] = ()
    ) -> list[dict]:
        """Everything that happened since the last call.

        `first` are rows as they were just stored, which the sender hears of in that form even
        if they have changed since; `again` are the seqs to repeat as they are now.
        """
        out = []
        news = [row for row in reading.rows if _news(row, self.cursor)]
        for row in _ordered([*first, *news]):
            out += self._changes(row, live)
        if reading.status != self.status:
            out.append({"type": "status", "status": reading.status})
        self.status = reading.status
        self.cursor = max([self.cursor, reading.rev, *(row.rev for row in reading.rows)])
        again = set(again)
        out += [
            self._whole(row, live) for row in sorted(reading.rows, key=_seq) if row.seq in again
        ]
        return out

    def deltas(self, live: Live) -> list[dict]:
        """What the running reply has gained; needs no read of the database."""
        return [
            frame
            for (seq, attempt), text in live.items()
            if (seen := self.seen.get(seq)) and seen.attempt == attempt and not seen.ended
            for frame in self._gain(seq, seen, text)
        ]

    def _changes(self, row, live: Live) -> list[dict]:
        seen = self.seen.get(row.seq)
        if row.role != Role.ASSISTANT:
            return self._mood_change(row, seen) if seen else [self._whole(row, live)]
        out = []
        if seen is None or seen.attempt < row.attempt:
            out.append(self._opening(row))
        out += self._progress(row, live)
        return out

    def _opening(self, row) -> dict:
        """A reply starts: always from nothing, so that its deltas concatenate to its text."""
        self.seen[row.seq] = Seen(row.attempt, "", ended=False)
        # A row that has ended by now is announced one rev early: a client that drops between
        # the two frames and resumes from the first must still be sent the second.
        running = row.state in RUNNING
        rev, state = (row.rev, row.state) if running else (row.rev - 1, State.QUEUED)
        return frames.message(row, rev=rev, state=state, text="", sentiment=False)

    def _progress(self, row, live: Live) -> list[dict]:
        seen = self.seen[row.seq]
        if seen.ended or seen.attempt > row.attempt:
            return []
        if row.state in RUNNING:
            return self._gain(row.seq, seen, _text(row, live))
        if not row.text.startswith(seen.text):  # its process died after the last checkpoint
            return [self._whole(row, live)]
        out = [*self._gain(row.seq, seen, row.text), frames.done(row)]
        seen.ended = True
        if row.state == State.FAILED:
            out.append(frames.error("internal", "The reply failed. Try again.", seq=row.seq))
        return out

    def _gain(self, seq: int, seen: Seen, text: str) -> list[dict]:
        gained = text[len(seen.text) :]
        if not gained or not text.startswith(seen.text):
            return []
        seen.text = text
        return [frames.delta(seq, seen.attempt, gained)]

    def _mood_change(self, row, seen: Seen) -> list[dict]:
        if not self.show_sentiment or not row.label or _mood(row) == seen.mood:
            return []
        seen.mood = _mood(row)
        return [frames.sentiment(row)]

    def _whole(self, row, live: Live) -> dict:
        text = _text(row, live)
        running = row.state in RUNNING
        state = State.STREAMING if running and text else row.state
        self.seen[row.seq] = Seen(row.attempt, text, ended=not running, mood=_mood(row))
        return frames.message(
            row, rev=row.rev, state=state, text=text, sentiment=self.show_sentiment
        )


def _text(row, live: Live) -> str:
    if row.state not in RUNNING:
        return row.text
    return live.get((row.seq, row.attempt), row.text)


def _news(row, since: int) -> bool:
    return row.rev > since or row.state in RUNNING


def _ordered(rows: Iterable) -> list:
    """By rev, so that a client's last rev never runs ahead of a row it has not been sent."""
    return sorted(rows, key=lambda row: (row.rev, row.seq))


def _seq(row) -> int:
    return row.seq


def _mood(row) -> tuple:
    return (row.label, row.score)
