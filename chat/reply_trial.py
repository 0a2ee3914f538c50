"""Try what a label tells a reply: the same message answered with and without it, nothing stored."""

import time
from dataclasses import dataclass, replace

from chat.labels import TaskRun
from inference.answers import reply
from inference.sequence import Finished
from inference.tasks import ChatMessage, Reply

MOST = 3  # messages whose replies one trial writes
TOKENS = 96  # of a reply, at most: enough to see how it begins


@dataclass(frozen=True)
class Answer:
    """A reply and the time to its first token where the conversation is known already.

    A guided reply's time includes what it waited for the label. `problem` says why there is none.
    """

    text: str = ""
    first_token_ms: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Replies:
    """`guided` is None where the label tells the reply nothing, and `instruction` is empty."""

    plain: Answer
    guided: Answer | None
    instruction: str

    @property
    def added_ms(self) -> float:
        """How much later the first token came for the label."""
        return self.guided.first_token_ms - self.plain.first_token_ms if self.guided else 0.0


async def answers(
    engine, run: TaskRun, conversation: tuple[ChatMessage, ...], label: str, label_ms: float
) -> Replies:
    """Both replies to the last message of a conversation, greedily, one after the other.

    Which switches are on makes no difference, nor does the threshold: this shows what it would be.

    Args:
        label_ms: how long the label took, which a guided reply waits for.

    Raises:
        EngineRefusal: the engine takes no work.
    """
    asked = Reply(conversation, max_new_tokens=TOKENS, greedy=True)
    await reply(engine, replace(asked, max_new_tokens=1))  # so that both find the same known
    plain = await _answer(engine, asked, 0.0)
    instruction = run.version.guidance(label)
    if not instruction:
        return Replies(plain, None, "")
    guided = await _answer(engine, replace(asked, guidance=instruction), label_ms)
    return Replies(plain, guided, instruction)


async def _answer(engine, asked: Reply, waited_ms: float) -> Answer:
    began = time.perf_counter()
    end = await reply(engine, asked)
    if not isinstance(end, Finished):
        return Answer(problem=end.message)
    took = (time.perf_counter() - began) * 1000
    first = took if end.first_token_ms is None else end.first_token_ms
    return Answer(end.text, waited_ms + first)
