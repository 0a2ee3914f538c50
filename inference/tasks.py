"""What may be asked of the engine: replies to stream, labels to score, JSON to write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]

# What stands around a thought. Zero-shot reasoning in two steps: Kojima et al. 2022, "Large
# Language Models are Zero-Shot Reasoners". The opening keeps the model from answering at once, as
# a task's prompt asks it to.
OPENING = "Let's think step by step."
CLOSING = "\n\nTherefore, the answer is:\n"
JSON_TOKENS = 128  # of an Extract that does not say how many


@dataclass(frozen=True)
class ChatMessage:
    """One message of a prompt. `content` is plain text: special tokens in it stay text."""

    role: Role
    content: str


@dataclass(frozen=True)
class Reply:
    """Stream an answer to `messages`, which begin with a system message and end with a user one.

    Without a `seed` a random one is drawn; the same seed gives the same reply whatever else runs.
    `max_new_tokens` may only lower the configured limit. `guidance` is an instruction for this
    answer alone: a further system message behind the last one, where the model's template has
    such, else words at the end of that message.
    """

    messages: tuple[ChatMessage, ...]
    guidance: str = ""
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
    """Score every label, with its end-of-turn token, as the answer to `messages`.

    `key` names the part in events (a task's slug) and is unique within a request. Nothing is
    decoded, unless the model may `think` first: in at most so many tokens, and at most the
    configured limit. `examples` says that messages before the last are examples chosen for it, so
    that keeping them helps nobody.
    """

    key: str
    messages: tuple[ChatMessage, ...]
    labels: tuple[str, ...]
    calibration: Affine = Affine()
    think: int = 0
    examples: bool = False


@dataclass(frozen=True)
class Shot:
    """A message that people have labelled, shown to the model as an example."""

    text: str
    label: str


@dataclass(frozen=True)
class Extract:
    """Write the JSON object that answers `messages`: greedily, and only what `schema` allows.

    `schema` is a JSON Schema as text, without a `schemas.problem`. `max_new_tokens` may only lower
    the configured limit; what is cut there is incomplete.
    """

    key: str
    messages: tuple[ChatMessage, ...]
    schema: str
    max_new_tokens: int = JSON_TOKENS


@dataclass(frozen=True)
class Request:
    """Everything one message asks of the model. Each part ends in exactly one terminal event."""

    reply: Reply | None = None
    classify: tuple[Classify, ...] = ()
    extract: tuple[Extract, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Classify | Extract], reply: Reply | None = None) -> "Request":
        """What several tasks ask, and perhaps a reply."""
        parts = tuple(parts)
        return cls(
            reply,
            tuple(part for part in parts if isinstance(part, Classify)),
            tuple(part for part in parts if isinstance(part, Extract)),
        )

    @property
    def parts(self) -> tuple[Classify | Extract, ...]:
        """All but the reply."""
        return (*self.classify, *self.extract)


def message_context(prompt: str, text: str, shots: Iterable[Shot] = ()) -> tuple[ChatMessage, ...]:
    """The task's own system prompt and the message alone, in the user role.

    The examples stand before it, each as a user's message that the assistant has answered.
    """
    shown = [
        each
        for shot in shots
        for each in (ChatMessage("user", shot.text), ChatMessage("assistant", shot.label))
    ]
    return (ChatMessage("system", prompt), *shown, ChatMessage("user", text))


def conversation_context(
    conversation: tuple[ChatMessage, ...], prompt: str
) -> tuple[ChatMessage, ...]:
    """The task's question as a further user turn that branches off the conversation."""
    return (*conversation, ChatMessage("user", prompt))
