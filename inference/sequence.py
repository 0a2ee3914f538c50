"""A Sequence on its way through the engine, and the events it leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from inference.detokenizer import Detokenizer
from inference.tasks import Classify, Reply

if TYPE_CHECKING:
    from inference.prefixes import Lease

REPLY = "reply"  # the `part` of every event that belongs to the streamed reply


@dataclass(frozen=True)
class Delta:
    """A piece of the reply: whole characters, in order, never empty."""

    text: str
    part: str = REPLY


@dataclass(frozen=True)
class Classified:
    """Terminal event of one Classify. The mappings are keyed by label, in the task's order."""

    part: str
    logprobs: Mapping[str, float]  # natural log of P(label and its end | prompt), uncalibrated
    probabilities: Mapping[str, float]  # calibrated, sum to 1
    label: str
    confidence: float
    latency_ms: float  # from submit


@dataclass(frozen=True)
class Finished:
    """Terminal event of the reply. The Deltas before it concatenate to `text`."""

    reason: str  # "stop", "length" or "cancelled"
    text: str
    prompt_tokens: int
    completion_tokens: int
    first_token_ms: float | None  # from submit
    total_ms: float
    truncated: bool  # oldest turns were dropped to fit the context
    part: str = REPLY


@dataclass(frozen=True)
class Failed:
    """Terminal event of a part that failed; `message` is fit for a log, not for a visitor."""

    part: str
    message: str


Event = Delta | Classified | Finished | Failed


class Status(Enum):
    WAITING = "waiting"  # for its first forward
    RUNNING = "running"
    DONE = "done"


@dataclass(eq=False)
class Sequence:
    """One part of a request: what was asked, what the runner knows of it, what came out so far."""

    ticket: int
    work: Reply | Classify
    submitted: float  # time.monotonic()
    status: Status = Status.WAITING
    cancelled: bool = False

    # Set by the runner before the first forward
    prompt_ids: list[int] = field(default_factory=list)
    shared: int = 0  # leading ids that other prompts with this system message have too
    trunk: int = 0  # leading ids that a label's prompt shares with what comes after it
    truncated: bool = False
    label_ids: list[list[int]] = field(default_factory=list)
    limit: int = 0  # most tokens to generate
    detokenizer: Detokenizer | None = None
    lease: "Lease | None" = None  # its keys and values
    random: object | None = None  # the generator that only this sequence draws from

    # Set as a reply grows
    output_ids: list[int] = field(default_factory=list)
    text: str = ""
    first_token: float | None = None

    @property
    def part(self) -> str:
        return REPLY if self.is_reply else self.work.key

    @property
    def is_reply(self) -> bool:
        return isinstance(self.work, Reply)

    def append(self, token: int, now: float) -> str:
        """Add a generated token; the whole characters that it completes."""
        self.first_token = self.first_token or now
        self.output_ids.append(token)
        return self._grow(self.detokenizer.push(token))

    def flush(self) -> str:
        """The text that was held back for a character's missing bytes."""
        return self._grow(self.detokenizer.flush()) if self.detokenizer else ""

    def finished(self, reason: str, now: float) -> Finished:
        """The reply's terminal event, with the text so far."""
        first = self.first_token
        return Finished(
            reason=reason,
            text=self.text,
            prompt_tokens=len(self.prompt_ids),
            completion_tokens=len(self.output_ids),
            first_token_ms=None if first is None else (first - self.submitted) * 1000,
            total_ms=(now - self.submitted) * 1000,
            truncated=self.truncated,
        )

    def _grow(self, piece: str) -> str:
        self.text += piece
        return piece
