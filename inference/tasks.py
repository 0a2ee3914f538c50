"""What may be asked of the engine: a reply to stream, labels to score, or both in one request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class ChatMessage:
    """One message of a prompt. `content` is plain text: special tokens in it stay text."""

    role: Role
    content: str


@dataclass(frozen=True)
class Reply:
    """Stream an answer to `messages`, which begin with a system message and end with a user one.

    Without a `seed` a random one is drawn; the same seed gives the same reply whatever else runs.
    `max_new_tokens` may only lower the configured limit.
    """

    messages: tuple[ChatMessage, ...]
    max_new_tokens: int | None = None
    seed: int | None = None
    greedy: bool = False


@dataclass(frozen=True)
class Affine:
    """Calibration: probabilities = softmax(scale * log-probability + bias[label])."""

    scale: float = 1.0
    bias: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Classify:
    """Score every label, with its end-of-turn token, as the answer to `messages`. Never decodes.

    `key` names the part in events (a task's slug) and is unique within a request.
    """

    key: str
    messages: tuple[ChatMessage, ...]
    labels: tuple[str, ...]
    calibration: Affine = Affine()


@dataclass(frozen=True)
class Request:
    """Everything one message asks of the model. Each part ends in exactly one terminal event."""

    reply: Reply | None = None
    classify: tuple[Classify, ...] = ()


def message_context(prompt: str, text: str) -> tuple[ChatMessage, ...]:
    """The task's own system prompt and the message alone, in the user role."""
    return (ChatMessage("system", prompt), ChatMessage("user", text))


def conversation_context(
    conversation: tuple[ChatMessage, ...], prompt: str
) -> tuple[ChatMessage, ...]:
    """The task's question as a further user turn that branches off the conversation."""
    return (*conversation, ChatMessage("user", prompt))
