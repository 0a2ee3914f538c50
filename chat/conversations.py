"""Verbs on a conversation as a whole: open it, read it, end it, hand it over."""

from uuid import UUID

from django.db.models import Q

from chat import visitors
from chat.feed import Reading
from chat.models import Conversation, ReplyPrompt, User
from chat.models.message import RUNNING


def open_conversation(**fields) -> Conversation:
    """A new conversation; `fields` are the optional name, email, page and language."""
    return Conversation.objects.create(visitor=visitors.new_key(), **fields)


def read(conversation_id: UUID, since: int, also: tuple[int, ...] = ()) -> Reading:
    """Rows changed after `since`, every running reply, and the rows with the seqs `also`.

    The conversation is read before its rows: a change between the two reads is then seen in the
    rows at the latest, never skipped.
    """
    conversation = Conversation.objects.only("rev", "status").get(pk=conversation_id)
    wanted = Q(rev__gt=since) | Q(state__in=RUNNING) | Q(seq__in=also)
    rows = tuple(conversation.messages.filter(wanted).order_by("rev"))
    rev = max([conversation.rev, *(row.rev for row in rows)])
    return Reading(rev=rev, status=conversation.status, rows=rows)


def read_with_prompt(conversation_id: UUID) -> tuple[Reading, ReplyPrompt]:
    """Everything, and who the assistant is."""
    return read(conversation_id, since=0), ReplyPrompt.objects.current()


def visitor_of(conversation_id: UUID) -> tuple[str, str] | None:
    """Visitor key and language; None if there is no such conversation."""
    row = Conversation.objects.filter(pk=conversation_id)
    return row.values_list("visitor", "language").first()


def set_status(conversation_id: UUID, status: str) -> bool:
    """False, and nothing is written, if it has this status already."""
    if Conversation.objects.filter(pk=conversation_id, status=status).exists():
        return False
    with Conversation.objects.changing(conversation_id) as conversation:
        conversation.set_status(status)
    return True


def ask_for_person(conversation_id: UUID) -> None:
    with Conversation.objects.changing(conversation_id) as conversation:
        conversation.ask_for_person()


def assign(conversation_id: UUID, assignee: User | None) -> None:
    with Conversation.objects.changing(conversation_id) as conversation:
        conversation.assignee = assignee
        conversation.next_rev()
