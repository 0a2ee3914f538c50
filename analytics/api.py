"""The read API: the tables of the exports, page by page, for programs with a token.

Served under `/api/v1/`, with its OpenAPI documentation under `/api/v1/docs` for staff.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, NinjaAPI, Query, Schema, Swagger
from ninja.errors import HttpError
from ninja.security import HttpBearer
from pydantic import AwareDatetime

from analytics.access import desk_only
from analytics.exports import DATASETS, page
from analytics.schemas import (
    ClassificationOut,
    ConversationOut,
    ExtractionOut,
    MessageOut,
    Page,
    ReviewOut,
)
from chat import tokens
from chat.models import ApiToken, Conversation

MOST = 500  # rows of a page
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)  # no edges

api = NinjaAPI(
    title="Support desk",
    version="1",
    description="Conversations, their messages and moods, and what people decided about them. "
    "Make a token in the admin and send it as `Authorization: Bearer desk_...`.",
    urls_namespace="api",
    docs=Swagger(settings={"validatorUrl": None, "supportedSubmitMethods": ["get"]}),
    docs_decorator=desk_only,
)


class Token(HttpBearer):
    """A token that works and may read one table."""

    def __init__(self, table: str):
        super().__init__()
        self.table = table

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        row = tokens.find(token)
        if row and not row.may_read(self.table):
            raise HttpError(403, f"This token may not read {self.table}.")
        return row


class Paging(Schema):
    limit: int = Field(100, ge=1, le=MOST, description="Rows of the page.")
    since: AwareDatetime | None = Field(
        None, ge=FIRST, lt=LAST, description="Only rows created at or after this moment."
    )
    until: AwareDatetime | None = Field(
        None, ge=FIRST, lt=LAST, description="Only rows created before this moment."
    )


class OfConversations(Paging):
    after: UUID | None = Field(None, description="`next` of the page before.")
    status: Conversation.Status | None = None
    language: str | None = Field(None, max_length=16, pattern=r"^[A-Za-z0-9-]+$")


class OfRows(Paging):
    after: int | None = Field(None, ge=0, description="`next` of the page before.", lt=2**63)
    conversation: UUID | None = Field(None, description="Only rows of this conversation.")


class OfExtractions(OfRows):
    task: str | None = Field(
        None,
        max_length=50,
        pattern=r"^[-\w]+$",
        description="Only what this task wrote: its slug.",
    )


@api.get(
    "/conversations",
    tags=["Conversations"],
    auth=Token("conversations"),
    response=Page[ConversationOut],
)
def conversations(request: HttpRequest, asked: Query[OfConversations]):
    """Conversations, with the mood they have by now."""
    named = {"status": asked.status, "language": asked.language}
    return _page("conversations", asked, named)


@api.get(
    "/conversations/{uuid:conversation}",
    tags=["Conversations"],
    auth=Token("conversations"),
    response=ConversationOut,
)
def conversation(request: HttpRequest, conversation: UUID):
    """One conversation."""
    table = DATASETS["conversations"]
    found = page(table, table.rows.filter(pk=conversation), None, 1)
    if not found:
        raise HttpError(404, "There is no such conversation.")
    return found[0]


@api.get("/messages", tags=["Messages"], auth=Token("messages"), response=Page[MessageOut])
def messages(request: HttpRequest, asked: Query[OfRows]):
    """Messages, each with the mood that counts."""
    return _page("messages", asked, {"conversation": asked.conversation})


@api.get(
    "/classifications",
    tags=["Classifications"],
    auth=Token("classifications"),
    response=Page[ClassificationOut],
)
def classifications(request: HttpRequest, asked: Query[OfRows]):
    """What the model said about each message, by task."""
    return _page("classifications", asked, {"message__conversation": asked.conversation})


@api.get(
    "/extractions",
    tags=["Extractions"],
    auth=Token("extractions"),
    response=Page[ExtractionOut],
)
def extractions(request: HttpRequest, asked: Query[OfExtractions]):
    """What the model wrote about each message as JSON, by task."""
    named = {"message__conversation": asked.conversation, "version__task__slug": asked.task}
    return _page("extractions", asked, named)


@api.get("/reviews", tags=["Reviews"], auth=Token("reviews"), response=Page[ReviewOut])
def reviews(request: HttpRequest, asked: Query[OfRows]):
    """What people decided, every decision."""
    return _page("reviews", asked, {"classification__message__conversation": asked.conversation})


def _page(name: str, asked: Paging, named: dict) -> dict:
    named = {"created__gte": asked.since, "created__lt": asked.until, **named}
    table = DATASETS[name]
    rows = table.rows.filter(**{path: value for path, value in named.items() if value is not None})
    items = page(table, rows, asked.after, asked.limit + 1)
    more = len(items) > asked.limit
    items = items[: asked.limit]
    return {"items": items, "next": str(items[-1]["id"]) if more else None}
