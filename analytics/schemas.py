"""What the read API answers with: the columns of the exports, typed."""

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from ninja import Field, Schema

from chat.models import Conversation
from chat.models.message import Role, State
from chat.models.mood import Classification, Review

Row = TypeVar("Row")


class Page(Schema, Generic[Row]):
    """Rows in the order of their ids."""

    items: list[Row]
    next: str | None = Field(description="The `after` of the next page; null on the last one.")


class ConversationOut(Schema):
    id: UUID
    name: str
    email: str
    page: str
    language: str
    status: Conversation.Status
    assignee: str | None
    created: datetime
    last_message_at: datetime | None
    messages: int
    visitor_messages: int
    mood_score: float | None = Field(description="-1 to 1; null without any mood yet.")
    mood_trend: float | None = Field(description="-1 to 1; null below six visitor messages.")
    open_flags: int


class MessageOut(Schema):
    id: int
    conversation: UUID
    seq: int
    role: Role
    author: str | None
    text: str
    state: State
    created: datetime
    label: str = Field(description="The mood that counts; empty without one.")
    confidence: float | None
    score: float | None = Field(description="-1 to 1.")
    model: str
    first_token_ms: float | None
    total_ms: float | None


class ClassificationOut(Schema):
    id: int
    conversation: UUID
    seq: int
    task: str
    version: int
    model: str
    label: str
    confidence: float
    probabilities: dict[str, float]
    decided_label: str = Field(description="A person's decision, else the model's label.")
    flagged: bool
    source: Classification.Source
    fallback_model: str = Field(description="The classifier, where it decided; else empty.")
    latency_ms: float
    thought: str = Field(description="What the model wrote first; empty where it may not think.")
    created: datetime


class ExtractionOut(Schema):
    id: int
    conversation: UUID
    seq: int
    task: str
    version: int
    model: str
    data: dict[str, Any] | None = Field(description="Null where there is a problem.")
    problem: str = Field(description="Why it is not what the schema asks for; empty if it is.")
    text: str = Field(description="As it was written.")
    tokens: int
    latency_ms: float
    created: datetime


class ReviewOut(Schema):
    id: int
    conversation: UUID
    seq: int
    task: str
    model_label: str
    verdict: Review.Verdict
    label: str
    reviewer: str
    note: str
    created: datetime
