"""A support conversation as it is told: turns of a customer and the replies to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference.pocket.grammar import Answer, Exchange, GrammarError
from inference.tasks import ChatMessage

_MUST_REPEAT = {"order", "order2", "name", "email"}


@dataclass(frozen=True)
class Turn:
    text: str
    reply: str
    intent: str
    language: str
    labels: Mapping[str, str] = field(default_factory=dict)
    guidance: str | None = None  # what the reply was told of the message by its labels


@dataclass
class Conversation:
    system: str
    turns: list[Turn] = field(default_factory=list)

    def messages(self) -> list[ChatMessage]:
        """The prompt's messages with every reply, as the product would store them."""
        messages = [ChatMessage("system", self.system)]
        for turn in self.turns:
            messages.append(ChatMessage("user", turn.text))
            if turn.guidance:
                messages.append(ChatMessage("system", turn.guidance))
            messages.append(ChatMessage("assistant", turn.reply))
        return messages

    def until(self, turn: int) -> list[ChatMessage]:
        """The prompt's messages up to what the customer says in that turn (from 0)."""
        before = Conversation(self.system, self.turns[:turn])
        return [*before.messages(), ChatMessage("user", self.turns[turn].text)]


def fitting(exchange: Exchange, known: set[str], said: set[str]) -> Sequence[Answer]:
    """The answers that repeat most of what was just said and name nothing that is not known.

    Raises:
        GrammarError: the exchange has no answer for that.
    """
    answers = [
        answer
        for answer in exchange.answers
        if answer.facts <= known and not (answer.unknown_order and "order" in known)
    ]
    if not answers:
        raise GrammarError(f"No answer fits {sorted(said)}: {exchange.asks[0].text!r}")
    repeated = [len(said & _MUST_REPEAT & answer.facts) for answer in answers]
    most = max(repeated)
    return [answer for answer, count in zip(answers, repeated, strict=True) if count == most]
