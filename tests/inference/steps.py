"""Scheduler and runner without engine or thread: one step at a time, everything counted."""

import dataclasses

from inference.runner import Runner
from inference.scheduler import Scheduler
from inference.sequence import Sequence

PATIENCE = 2000  # steps until a test calls it a hang


class CountingModel:
    """Passes everything on and remembers how many tokens each forward computed."""

    def __init__(self, model):
        self._model = model
        self.computed: list[int] = []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def forward(self, segments):
        self.computed.append(sum(len(segment.tokens) for segment in segments))
        return self._model.forward(segments)


class Steps:
    """Plays the engine's part: text ends by a stop token or its limit, a label at once."""

    def __init__(self, loaded, max_running=4):
        self.model = CountingModel(loaded.model)
        self.runner = Runner(dataclasses.replace(loaded, model=self.model))
        self.scheduler = Scheduler(max_waiting=PATIENCE, max_running=max_running)
        self.results = {}  # by finished sequence: scores, None for a reply, or an exception
        self._tickets = 0

    @property
    def computed(self) -> int:
        """Tokens computed so far."""
        return sum(self.model.computed)

    def submit(self, *works) -> list[Sequence]:
        """Sequences of one request."""
        self._tickets += 1
        sequences = [Sequence(self._tickets, work, 0.0) for work in works]
        self.scheduler.add(sequences)
        return sequences

    def step(self) -> dict:
        """One step; what came out, by sequence."""
        outcomes = {}
        for sequence, outcome in self.runner.run(self.scheduler.schedule()):
            outcomes[sequence] = outcome
            self._take(sequence, outcome)
        return outcomes

    def cancel(self, ticket: int) -> None:
        self.scheduler.cancel(ticket)
        for sequence in self.scheduler.remove_cancelled():
            self.runner.release(sequence, keep=sequence.is_reply)

    def finish(self, *works) -> list[Sequence]:
        """Submit, if anything is given, and run until nothing is left."""
        sequences = self.submit(*works)
        for _ in range(PATIENCE):
            if not self.scheduler.busy:
                return sequences
            self.step()
        raise AssertionError("hangs")

    def _take(self, sequence, outcome):
        if isinstance(outcome, int):
            self._grow(sequence, outcome)
        elif outcome is not None:
            self._end(sequence, outcome)

    def _grow(self, sequence, token):
        stopped = token in self.runner.stop_ids
        if not stopped:
            sequence.append(token, 1.0)
        if stopped or sequence.is_full:
            self._written(sequence)

    def _written(self, sequence):
        if sequence.thinking:
            sequence.end_thought(1.0)
        else:
            self._end(sequence, None)

    def _end(self, sequence, result):
        self.results[sequence] = result
        self.scheduler.finish(sequence)
        self.runner.release(sequence, keep=result is None)
