"""A support conversation as it is told: turns of a customer and the replies to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from inference.tasks import ChatMessage


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
