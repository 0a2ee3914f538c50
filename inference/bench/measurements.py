"""What is measured of an arm, one figure or a few at a time. Runs in the arm's own process.

Every measurement gives a tree of figures: rates in 1/s, latencies in ms, memory in GB. Its texts
depend on its seed, so no measurement finds its prompts in a cache that an earlier one filled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import inf
from statistics import median
from typing import Protocol

from inference.bench.arms import Answer, Arm
from inference.bench.errors import ArmFailed
from inference.bench.figures import Figures, spread
from inference.bench.loop import Run, converse, side_by_side
from inference.bench.machine import peak_gb, resident_gb
from inference.bench.workload import Workload
from inference.tasks import ChatMessage, Request

PROMPTS = 3  # of a measurement whose figure is their median
LABELS = 5
SHORT = 8  # tokens of a reply that only warms up


class Measurement(Protocol):
    """Frozen and small, because it is sent to another process."""

    @property
    def name(self) -> str: ...

    def run(self, arm: Arm, workload: Workload) -> Figures: ...


@dataclass(frozen=True)
class Conversations:
    """Conversations side by side: a reply and a sentiment for every message.

    `limit_s` is for arms that serve one request at a time: sixteen conversations would take them
    a quarter of an hour, and their rate is the same however many wait.
    """

    count: int
    turns: int
    seed: int
    limit_s: float

    @property
    def name(self) -> str:
        return f"{self.count} conversation{'s' * (self.count > 1)}"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        texts = workload.messages(f"{self.name} {self.seed}", self.count, self.turns)
        limit_s = inf if arm.parallel else self.limit_s
        run = converse(arm, workload.opening, texts, workload.turn, limit_s)
        figures = {**_speed(run), "rss_gb": resident_gb(), "highest_rss_gb": peak_gb()}
        return {name: {str(self.count): value} for name, value in figures.items()}


@dataclass(frozen=True)
class Decode:
    """Replies only, so many at once: tokens a second while all of them decode."""

    streams: tuple[int, ...]
    seed: int

    @property
    def name(self) -> str:
        return "decoding"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        if not arm.parallel:  # one after the other: the same rate however many wait
            rate = self._rate(arm, workload, 1)
            return {"decode_tok_s": {str(streams): rate for streams in self.streams}}
        rates = {str(streams): self._rate(arm, workload, streams) for streams in self.streams}
        return {"decode_tok_s": rates}

    def _rate(self, arm: Arm, workload: Workload, streams: int) -> float:
        prompts = workload.unknown(f"{self.name} {streams} {self.seed}", streams)
        # Prompts are read one after the other: the first reply must outlast the last prompt.
        length = workload.lengths.reply + streams
        requests = [Request(workload.reply(prompt, length)) for prompt in prompts]
        return decode_rate([answer.tokens for answer in side_by_side(arm, requests)])


@dataclass(frozen=True)
class Prefill:
    """Prompts that share nothing with what came before: tokens read a second."""

    seed: int

    @property
    def name(self) -> str:
        return "reading prompts"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        prompts = workload.unknown(f"{self.name} {self.seed}", PROMPTS)
        answers = [arm.turn(Request(workload.reply(prompt, 1))) for prompt in prompts]
        rates = [each.prompt_tokens / (each.tokens[0] - each.asked) for each in answers]
        return {"prefill_tok_s": median(rates)}


@dataclass(frozen=True)
class Label:
    """One label and nothing else; the task's own prompt has been read before."""

    seed: int

    @property
    def name(self) -> str:
        return "a label alone"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        (texts,) = workload.messages(f"{self.name} {self.seed}", 1, LABELS)
        answers = [arm.turn(Request(classify=(workload.sentiment(text),))) for text in texts]
        return {"label_ms_1": 1000 * median(each.ended - each.asked for each in answers)}


@dataclass(frozen=True)
class LateTurn:
    """One conversation: the first token of its last turn against that of its first."""

    turns: int
    seed: int

    @property
    def name(self) -> str:
        return f"turn {self.turns} against turn 1"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        texts = workload.messages(f"{self.name} {self.seed}", 1, self.turns)
        run = converse(arm, workload.opening, texts, lambda said: Request(workload.reply(said)))
        first, *_, last = (answer.tokens[0] - answer.asked for answer in run.answers)
        return {f"ttft_turn{self.turns}_over_turn1": last / first}


@dataclass(frozen=True)
class FiveTasks:
    """A turn with five tasks about the conversation against a turn with one."""

    count: int  # conversations side by side
    turns: int
    seed: int

    @property
    def name(self) -> str:
        return f"five tasks, {self.count} at once"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        order = (1, 5) if self.seed % 2 else (5, 1)  # neither is always the later one
        seconds = {tasks: self._seconds(arm, workload, tasks) for tasks in order}
        more = 1000 * (seconds[5] - seconds[1]) / (4 * self.turns)
        return {
            "five_tasks_over_one": {str(self.count): seconds[5] / seconds[1]},
            "one_more_task_ms": {str(self.count): more},
        }

    def _seconds(self, arm: Arm, workload: Workload, tasks: int) -> float:
        texts = workload.messages(f"{self.name} {tasks} {self.seed}", self.count, self.turns)
        ask = partial(workload.turn_with_questions, count=tasks)
        return converse(arm, workload.opening, texts, ask).seconds


@dataclass(frozen=True)
class WarmUp:
    """A short turn whose figures nobody keeps: it reads the shared prompts and fills pools."""

    conversations: int
    name: str = "warming up"

    def run(self, arm: Arm, workload: Workload) -> Figures:
        count = self.conversations if arm.parallel else 1
        texts = [text for (text,) in workload.messages(self.name, count, 1)]
        side_by_side(arm, [self._short(workload, text) for text in texts])
        return {}

    def _short(self, workload: Workload, text: str) -> Request:
        history = (*workload.opening, ChatMessage("user", text))
        return Request(workload.reply(history, SHORT), (workload.sentiment(text),))


def decode_rate(streams: Sequence[Sequence[float]]) -> float:
    """Tokens a second of all streams from when the last one began until the first one ends.

    Args:
        streams: for each stream, when each of its tokens came, in seconds.

    Raises:
        ArmFailed: there is no such time.
    """
    start, end = max(times[0] for times in streams), min(times[-1] for times in streams)
    if end <= start:
        raise ArmFailed(f"{len(streams)} replies did not run at the same time.")
    return sum(start < time <= end for times in streams for time in times) / (end - start)


def _speed(run: Run) -> Figures:
    """What a run of conversations says of speed; who still waited counts with the wait so far."""
    waited = [1000 * each for each in run.waited]
    return {
        "turns_per_s": run.turns_per_s,
        "tokens_per_s": sum(len(each.tokens) for each in run.answers) / run.seconds,
        "ttft_ms": spread([_ms(each, each.tokens[0]) for each in run.answers] + waited),
        "tpot_ms": spread([_per_token(each) for each in run.answers]),
        "itl_ms": spread([gap for each in run.answers for gap in _gaps(each)]),
        "label_ms": spread([_ms(each, max(each.labelled)) for each in run.answers] + waited),
        "turn_ms": spread([_ms(each, each.ended) for each in run.answers] + waited),
        "unanswered": len(waited),
    }


def _ms(answer: Answer, moment: float) -> float:
    return 1000 * (moment - answer.asked)


def _gaps(answer: Answer) -> list[float]:
    """Ms from each token to the next; of a reply of one token, none: 0."""
    return [1000 * (later - one) for one, later in pairwise(answer.tokens)] or [0.0]


def _per_token(answer: Answer) -> float:
    """Mean ms from one token to the next, the first one's wait left out."""
    return 1000 * (answer.tokens[-1] - answer.tokens[0]) / max(1, len(answer.tokens) - 1)
