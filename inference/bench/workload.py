"""What is asked of an arm: conversations about nothing, of exact lengths, the same for a seed."""

from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from inference.bench.vocabulary import word, words
from inference.tasks import (
    ChatMessage,
    Classify,
    Reply,
    Request,
    conversation_context,
    message_context,
)

History = tuple[ChatMessage, ...]
LABELS = tuple(word(number) for number in (0, 1, 2))  # one token each, as "Positive" would be


@dataclass(frozen=True)
class Lengths:
    """Tokens of each text, without what the chat template puts around it."""

    system: int = 150  # the assistant's system prompt, the same in every conversation
    message: int = 24
    reply: int = 64
    task: int = 60  # the sentiment task's own system prompt
    question: int = 30  # of a task that is asked about a conversation
    prefill: int = 200  # a prompt that nothing is known of


@dataclass(frozen=True)
class Workload:
    """Texts and requests. What is shared is the same for every seed; messages never repeat."""

    vocabulary: int  # entries, of the shape
    lengths: Lengths = field(default_factory=Lengths)

    @cached_property
    def opening(self) -> History:
        return (ChatMessage("system", self._shared("system", self.lengths.system)),)

    @cached_property
    def task_prompt(self) -> str:
        return self._shared("task", self.lengths.task)

    def messages(self, seed: str, conversations: int, turns: int) -> list[list[str]]:
        """What the visitors of so many conversations say, turn by turn."""
        random = Random(seed)
        length = self.lengths.message
        return [[self._text(random, length) for _ in range(turns)] for _ in range(conversations)]

    def unknown(self, seed: str, count: int) -> list[History]:
        """So many prompts that share nothing with any other."""
        random = Random(seed)
        half = self.lengths.prefill // 2
        texts = ((self._text(random, half), self._text(random, half)) for _ in range(count))
        return [(ChatMessage("system", one), ChatMessage("user", two)) for one, two in texts]

    def reply(self, history: History, tokens: int | None = None) -> Reply:
        return Reply(history, max_new_tokens=tokens or self.lengths.reply, greedy=True)

    def sentiment(self, text: str) -> Classify:
        """The mood of a message alone, as the product asks for it."""
        return Classify("sentiment", message_context(self.task_prompt, text), LABELS)

    def turn(self, history: History) -> Request:
        """A reply to the last message, and its mood."""
        return Request(self.reply(history), (self.sentiment(history[-1].content),))

    def turn_with_questions(self, history: History, count: int) -> Request:
        """A reply, and so many tasks that are asked about the whole conversation."""
        questions = (self._shared(f"question {n}", self.lengths.question) for n in range(count))
        return Request(
            self.reply(history),
            tuple(
                Classify(f"task-{n}", conversation_context(history, question), LABELS)
                for n, question in enumerate(questions)
            ),
        )

    def _shared(self, name: str, length: int) -> str:
        return self._text(Random(name), length)

    def _text(self, random: Random, length: int) -> str:
        count = words(self.vocabulary)
        return "".join(word(random.randrange(count)) for _ in range(length))
