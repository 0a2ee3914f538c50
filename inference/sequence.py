"""A Sequence on its way through the engine, and the events it leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from inference.detokenizer import Detokenizer
from inference.tasks import Classify, Extract, Reply, Request

if TYPE_CHECKING:
    from inference.digits import Said
    from inference.grammar import Writing
    from inference.prefixes import Lease

REPLY = "reply"  # the `part` of every event that belongs to the streamed reply


@dataclass(frozen=True)
class Delta:
    """A piece of the reply: whole characters, in order, never empty."""

    text: str
    part: str = REPLY


@dataclass(frozen=True)
class Thought:
    """What the model wrote before its label was scored, and what that cost."""

    text: str
    tokens: int
    total_ms: float  # from submit to its end


@dataclass(frozen=True)
class Classified:
    """Terminal event of one Classify. The mappings are keyed by label, in the task's order."""

    part: str
    logprobs: Mapping[str, float]  # natural log of P(label and its end | prompt), uncalibrated
    probabilities: Mapping[str, float]  # calibrated, sum to 1
    label: str
    confidence: float
    latency_ms: float  # from submit
    thought: Thought | None = None  # where it was asked for


@dataclass(frozen=True)
class Extracted:
    """Terminal event of one Extract. `text` follows its schema, if it is complete."""

    part: str
    text: str
    complete: bool  # False: cut at the limit of tokens
    completion_tokens: int
    latency_ms: float  # from submit

    @property
    def cut_at(self) -> int:
        """The number of tokens at which it was cut; 0 if it was not."""
        return 0 if self.complete else self.completion_tokens


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


Event = Delta | Classified | Extracted | Finished | Failed


def part_names(request: Request) -> list[str]:
    """The `part` of each terminal event that will come."""
    names = [each.key for each in request.parts]
    return [*names, REPLY] if request.reply else names


class Status(Enum):
    WAITING = "waiting"  # for its first forward
    RUNNING = "running"
    DONE = "done"


class Kind(Enum):
    """What a sequence needs: this decides who runs, and with whom it shares a step."""

    LABEL = "label"  # one forward behind what others computed
    REPLY = "reply"  # written token by token, while somebody reads along
    ASIDE = "aside"  # written too, but read when it is complete: JSON, or a thought and its label


@dataclass(eq=False)
class Sequence:
    """One part of a request: what was asked, what the runner knows of it, what came out so far."""

    ticket: int
    work: Reply | Classify | Extract
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
    thinking: bool = False  # what is generated is a thought; its label is scored behind it
    closing: list[int] = field(default_factory=list)  # what stands between the two
    writing: "Writing | None" = None  # the JSON that may be generated
    said: "Said | None" = None  # the numbers that a reply may hold, where not any may be
    detokenizer: Detokenizer | None = None
    lease: "Lease | None" = None  # its keys and values
    random: object | None = None  # the generator that only this sequence draws from

    # Set as text grows
    output_ids: list[int] = field(default_factory=list)
    text: str = ""
    first_token: float | None = None
    thought: Thought | None = None

    @property
    def part(self) -> str:
        return REPLY if self.is_reply else self.work.key

    @property
    def is_reply(self) -> bool:
        return isinstance(self.work, Reply)

    @property
    def kind(self) -> Kind:
        if self.is_reply:
            return Kind.REPLY
        return Kind.ASIDE if isinstance(self.work, Extract) or self.work.think else Kind.LABEL

    @property
    def decodes(self) -> bool:
        """Whether its next forward gives a token, and not the scores of labels."""
        return self.thinking or not isinstance(self.work, Classify)

    @property
    def ids(self) -> list[int]:
        """The prompt and what was generated."""
        return self.prompt_ids + self.output_ids

    @property
    def is_full(self) -> bool:
        """Whether nothing may follow: the limit is reached, or the JSON is complete."""
        complete = self.writing is not None and self.writing.complete
        return complete or len(self.output_ids) >= self.limit

    def append(self, token: int, now: float) -> str:
        """Add a generated token, and those that it leaves no choice about; the whole characters
        that this completes."""
        self.first_token = self.first_token or now
        room = self.limit - len(self.output_ids) - 1
        tokens = [token, *(self.writing.advance(token, room) if self.writing else ())]
        self.output_ids += tokens
        if self.said:
            self.said.push(token)
        return self._grow("".join(map(self.detokenizer.push, tokens)))

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

    def end_thought(self, now: float) -> None:
        """The model has thought enough: from here on its labels are scored."""
        self.flush()
        took = (now - self.submitted) * 1000
        self.thought = Thought(self.text.strip(), len(self.output_ids), took)
        self.thinking = False

    def extracted(self, now: float) -> Extracted:
        """The terminal event of what was written."""
        return Extracted(
            part=self.part,
            text=self.text,
            complete=self.writing.complete,
            completion_tokens=len(self.output_ids),
            latency_ms=(now - self.submitted) * 1000,
        )

    def _grow(self, piece: str) -> str:
        self.text += piece
        return piece
