"""Greedy replies to the written questions, judged by rules that anybody can read.

The rules tell whether a reply is on the subject, in the visitor's language, true to what was said
and whole. They do not tell whether it is helpful or well put: read the replies for that.
"""

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from chat.evaluation import wording
from chat.evaluation.questions import Question, load
from chat.models import ReplyPrompt
from inference.sequence import Delta, Failed, Finished
from inference.tasks import ChatMessage, Reply, Request

WINDOW = 16  # replies in flight

Progress = Callable[[int, int], None]  # replies done, replies in all


class Asked(Protocol):
    """What can be replied to: the last message, and the conversation up to and with it."""

    @property
    def text(self) -> str: ...

    @property
    def turns(self) -> tuple[ChatMessage, ...]: ...


class ReplyFailed(Exception):
    """The engine failed on a question; the message says on which and why."""


@dataclass(frozen=True)
class Verdict:
    """One reply and what was found in it.

    `intent`: the question says that it fits. `missing`: strings that it should repeat and
    does not. `invented`: numbers in it that neither the conversation nor the system prompt holds.
    """

    question: Question
    reply: str
    language: bool
    intent: bool
    stops: bool
    no_loop: bool
    missing: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()

    @property
    def copied(self) -> bool | None:
        """Whether all is repeated and nothing invented; None where there was neither to judge."""
        if not self.question.copied and not self.invented:
            return None
        return not self.missing and not self.invented

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, in words: the figures it fails, what is missing, what is invented."""
        shares = ("language", "intent", "stops", "no_loop")
        return (
            *(name for name in shares if not getattr(self, name)),
            *(f"missing {each}" for each in self.missing),
            *(f"invented {each}" for each in self.invented),
        )

    @property
    def good(self) -> bool:
        return not self.faults


def judge(question: Question, reply: str, *, system: str = "", stopped: bool = True) -> Verdict:
    """Judge one reply. `system` is the system prompt that it was written under."""
    said = [system, *(message.content for message in question.turns)]
    return Verdict(
        question,
        reply,
        language=wording.in_language(reply, question.language),
        intent=question.fits(reply),
        stops=stopped,
        no_loop=not wording.loops(reply),
        missing=tuple(each for each in question.copied if not wording.holds(reply, each)),
        invented=tuple(wording.invented_numbers(reply, said)),
    )


def summary(verdicts: Iterable[Verdict]) -> dict:
    """`n` and shares from 0 to 1.

    `language`, `intent`, `stops`, `no_loop` and `no_invention` are shares of all replies. `copied`
    is the share of those that had something to repeat or invented a number, so that an invention
    always counts against it; `n_copied` is how many those are.
    """
    verdicts = list(verdicts)
    copied = [each.copied for each in verdicts if each.copied is not None]
    return {
        "n": len(verdicts),
        "language": _share([each.language for each in verdicts]),
        "intent": _share([each.intent for each in verdicts]),
        "copied": _share(copied),
        "stops": _share([each.stops for each in verdicts]),
        "no_loop": _share([each.no_loop for each in verdicts]),
        "no_invention": _share([not each.invented for each in verdicts]),
        "n_copied": len(copied),
    }


def verdicts(
    engine, questions: Sequence[Question] | None = None, progress: Progress | None = None
) -> list[Verdict]:
    """The verdict on each question (by default the whole written set), in its order.

    They are answered greedily under the current reply prompt.

    Raises:
        ReplyFailed: the engine failed on a question.
        EngineRefusal: the engine takes no work.
    """
    questions = load() if questions is None else questions
    system = ReplyPrompt.objects.current().system
    found: dict[int, Verdict] = {}
    for number, end in answers(engine, system, questions):
        stopped = end.reason == "stop"
        found[number] = judge(questions[number], end.text, system=system, stopped=stopped)
        if progress:
            progress(len(found), len(questions))
    return [found[number] for number in range(len(questions))]


def described(verdict: Verdict) -> str:
    """A verdict as a person reads it: what is wrong, the conversation, the reply."""
    question = verdict.question
    head = f"[{question.language} {question.intent}] {', '.join(verdict.faults) or 'good'}"
    return "\n  ".join([head, *question.lines, f"< {verdict.reply}"])


def answers(engine, system: str, asked: Sequence[Asked]) -> Iterator[tuple[int, Finished]]:
    """The end of each greedy reply with its question's number, as they come; `WINDOW` in flight.

    Raises:
        ReplyFailed: the engine failed on a question.
        EngineRefusal: the engine takes no work.
    """
    ends: queue.SimpleQueue[tuple[int, object]] = queue.SimpleQueue()
    given = 0
    for done in range(len(asked)):
        while given < min(len(asked), done + WINDOW):
            messages = (ChatMessage("system", system), *asked[given].turns)
            deliver = partial(_keep_end, ends, given)
            engine.submit(Request(reply=Reply(messages, greedy=True)), deliver)
            given += 1
        number, event = ends.get()
        if isinstance(event, Failed):
            raise ReplyFailed(f"The reply to {asked[number].text!r} failed: {event.message}")
        yield number, event


def _keep_end(ends: queue.SimpleQueue, number: int, event) -> None:
    if not isinstance(event, Delta):
        ends.put((number, event))


def _share(hits: Sequence[bool]) -> float:
    """The share of hits, 1.0 where there was nothing to hit."""
    return round(sum(hits) / len(hits), 4) if hits else 1.0
