"""The closed loop: a conversation sends its next message when the answer to the last is over."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf

from inference.bench.arms import Answer, Arm
from inference.bench.errors import Overdue
from inference.bench.workload import History
from inference.tasks import ChatMessage, Request

Ask = Callable[[History], Request]


@dataclass(frozen=True)
class Run:
    """What came of some conversations that went on side by side."""

    answers: list[Answer]
    waited: list[float]  # seconds that unanswered messages had waited when time was up

    @property
    def seconds(self) -> float:
        """From the first message to the end of the last answer."""
        return max(each.ended for each in self.answers) - min(each.asked for each in self.answers)

    @property
    def turns_per_s(self) -> float:
        return len(self.answers) / self.seconds


def converse(
    arm: Arm, opening: History, messages: Sequence[Sequence[str]], ask: Ask, limit_s: float = inf
) -> Run:
    """Let conversations go on side by side, one client thread each.

    Args:
        opening: what every conversation begins with.
        messages: what each conversation's visitor says, turn by turn.
        limit_s: no turn begins later; an arm that serves one at a time drops its queue then.
    """
    until = time.perf_counter() + limit_s

    def client(texts: Sequence[str]) -> Run:
        return _one_conversation(arm, opening, texts, ask, until)

    with ThreadPoolExecutor(len(messages)) as clients:
        runs = list(clients.map(client, messages))
    return Run(
        [answer for run in runs for answer in run.answers],
        [waited for run in runs for waited in run.waited],
    )


def side_by_side(arm: Arm, requests: Sequence[Request]) -> list[Answer]:
    """Ask all of them at the same moment."""
    ready = threading.Barrier(len(requests))

    def client(request: Request) -> Answer:
        ready.wait()
        return arm.turn(request)

    with ThreadPoolExecutor(len(requests)) as clients:
        return list(clients.map(client, requests))


def _one_conversation(
    arm: Arm, history: History, texts: Sequence[str], ask: Ask, until: float
) -> Run:
    answers: list[Answer] = []
    for text in texts:
        asked = time.perf_counter()
        if asked >= until:
            break
        history = (*history, ChatMessage("user", text))
        try:
            answer = arm.turn(ask(history), until)
        except Overdue:
            return Run(answers, [time.perf_counter() - asked])
        answers.append(answer)
        history = (*history, ChatMessage("assistant", answer.text))
    return Run(answers, [])
