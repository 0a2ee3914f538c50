"""Messages as the pages show them: what was said, and how it was labelled."""

from dataclasses import dataclass
from datetime import datetime

from chat.models.message import Role, State
from chat.mood import Band


@dataclass(frozen=True)
class Label:
    """What counts as a task's label of one message, and what the model had said."""

    task: str
    is_mood: bool
    name: str
    confidence: float
    model_name: str
    model_confidence: float
    corrected: bool
    flagged: bool
    open: bool  # flagged, and nobody has decided yet
    classification_id: int


@dataclass(frozen=True)
class Detail:
    """What a task wrote about one message as JSON."""

    task: str
    said: str
    problem: str
    extraction_id: int


@dataclass(frozen=True)
class Line:
    """One message of a transcript."""

    seq: int
    role: str
    role_name: str
    text: str
    state: str
    state_name: str
    created: datetime
    first_token_ms: float | None
    score: float | None
    band: Band | None
    other_score: float | None  # of the mood read with the other context, where both were asked
    labels: tuple[Label, ...]
    details: tuple[Detail, ...]

    @property
    def from_visitor(self) -> bool:
        return self.role == Role.VISITOR

    @property
    def ended(self) -> bool:
        return self.state == State.DONE

    @property
    def mood(self) -> Label | None:
        return next((label for label in self.labels if label.is_mood), None)
