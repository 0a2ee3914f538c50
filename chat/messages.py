"""Verbs on messages: each is one short unit of work on a locked conversation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat import owner
from chat.feed import Reading
from chat.models import Conversation, Message, ReplyPrompt
from chat.models.message import RETRYABLE, RUNNING, Role, State
from inference.sequence import Finished

HEARTBEAT_EXPIRES = timedelta(seconds=30)
YOUNG = timedelta(minutes=10)  # queued replies of a dead process that still run again


class Busy(Exception):
    """The conversation has as many replies waiting as it may have; nothing was stored."""


@dataclass(frozen=True)
class Received:
    """A stored visitor message and the row of its reply (none while a person is in charge, or
    where the message needs none)."""

    visitor: Message
    reply: Message | None
    created: bool
    news: Reading | None = None  # what these rows changed, of one that was created
    since: int = 0  # the conversation's rev before
    history: tuple[Message, ...] = ()  # the rows up to the message, of one that was created

    @property
    def rows(self) -> tuple[Message, ...]:
        return (self.visitor,) if self.reply is None else (self.visitor, self.reply)


def receive(
    conversation_id: UUID,
    client_id: str,
    text: str,
    decide: Callable[[], tuple[bool, bool]] = lambda: (True, False),
) -> Received:
    """Store a visitor's message and the row of its reply, before any inference.

    The reply is claimed by this process at once when no other one runs. What was sent before is
    found again. Only for what is new `decide` is called: whether a reply is wanted, and whether
    the conversation waits for a person from now on. It raises to refuse the message.

    Raises:
        Busy: too many replies are waiting.
    """
    with Conversation.objects.changing(conversation_id) as conversation:
        rows = conversation.messages.order_by("seq")  # read once: every query holds up first words
        if earlier := _sent_before(rows, client_id):
            return earlier
        reply, person = decide()
        owners = [row.owner for row in rows if row.state in RUNNING]
        if len(owners) > settings.CHAT_MAX_WAITING:
            raise Busy
        since = conversation.rev
        if conversation.status == Conversation.Status.CLOSED:
            conversation.set_status(Conversation.Status.BOT)
        if person:
            conversation.ask_for_person()
        seq = 1 + max((row.seq for row in rows), default=0)
        visitor = _add(conversation, seq, role=Role.VISITOR, client_id=client_id, text=text)
        told = (*rows, visitor)
        conversation.show_last(text, told)
        row = None
        if reply and conversation.status != Conversation.Status.HUMAN:
            claimed = {} if any(owners) else _claimed()
            row = _add(
                conversation, seq + 1, role=Role.ASSISTANT, answers=visitor, state=State.QUEUED,
                **claimed,
            )  # fmt: skip
        news = Reading(conversation.rev, conversation.status, ())
        return Received(visitor, row, created=True, news=news, since=since, history=told)


def claim_next(conversation_id: UUID) -> Message | None:
    """Make the conversation's next queued reply this process's own; None if one runs already."""
    waiting = Message.objects.replies().filter(conversation=conversation_id, state=State.QUEUED)
    if not waiting.exists():  # one that is stored after this look is claimed by who stores it
        return None
    with Conversation.objects.changing(conversation_id) as conversation:
        queued = conversation.messages.replies().filter(state=State.QUEUED).order_by("seq")
        reply = queued.first()
        return reply if reply and _claim(conversation, reply) else None


def begin(reply: Message) -> bool:
    """The first characters are there: `queued` becomes `streaming`. False if it is not ours."""
    with Conversation.objects.changing(reply.conversation_id) as conversation:
        return bool(
            _owned(reply).update(
                state=State.STREAMING, rev=conversation.next_rev(), heartbeat=timezone.now()
            )
        )


def checkpoint(reply: Message, text: str) -> bool:
    """Keep the partial text and say that the owner lives. False: stop, here or elsewhere."""
    changed = _owned(reply).filter(stop_requested=False)
    return bool(changed.update(text=text, heartbeat=timezone.now()))


def finish(reply: Message, state: str, text: str, **made) -> bool:
    """End an attempt of this process; `made` says how the text came to be. False if not ours."""
    with Conversation.objects.changing(reply.conversation_id) as conversation:
        row = _owned(reply).first()
        if row is None:
            return False
        _end(conversation, row, state, text, **made)
        return True


def release(reply: Message) -> bool:
    """Give back a reply of which nobody has seen a word, so that it runs again, here or elsewhere.

    False, and nothing is written, if it has begun, is to stop or is not ours.
    """
    untold = _owned(reply).filter(state=State.QUEUED, stop_requested=False)
    return bool(untold.update(owner="", heartbeat=None))


def made_by(event: Finished, model_id: str) -> dict:
    """How a reply came to be, as `finish` stores it."""
    return {
        "model_id": model_id,
        "truncated": event.truncated,
        "prompt_tokens": event.prompt_tokens,
        "completion_tokens": event.completion_tokens,
        "first_token_ms": event.first_token_ms,
        "total_ms": event.total_ms,
    }


def stop(conversation_id: UUID, seq: int) -> bool:
    """A queued reply that nobody runs stops with empty text; a running one at its next check.

    Returns:
        Whether there is anything to see of it by now.
    """
    running = Message.objects.replies().running().filter(conversation=conversation_id, seq=seq)
    if not running.exists():  # nothing to do: nothing is locked or written
        return False
    with Conversation.objects.changing(conversation_id) as conversation:
        row = running.first()
        if row is None:
            return False
        if row.owner:
            running.update(stop_requested=True)
            return False
        _end(conversation, row, State.STOPPED, "")
        return True


def retry(conversation_id: UUID, seq: int) -> Message | None:
    """Start the conversation's last reply over, in its row; None if there is nothing to do."""
    with Conversation.objects.changing(conversation_id) as conversation:
        row = conversation.messages.replies().order_by("-seq").first()
        human = conversation.status == Conversation.Status.HUMAN
        if row is None or row.seq != seq or row.state not in RETRYABLE or human:
            return None
        row.state, row.text, row.attempt = State.QUEUED, "", row.attempt + 1
        row.rev = conversation.next_rev()
        row.save()
        _claim(conversation, row)
        return row


def up_to(visitor: Message) -> list[Message]:
    """The rows of a conversation from its beginning to this visitor message, in order."""
    return list(
        Message.objects.filter(conversation=visitor.conversation_id, seq__lte=visitor.seq).order_by(
            "seq"
        )
    )


def expire() -> tuple[list[UUID], list[UUID]]:
    """End or free the replies of processes that are gone.

    Returns:
        Conversations with a changed reply, and those that have a queued reply nobody runs.
    """
    changed = [row.conversation_id for row in Message.objects.running() if _expire(row)]
    free = Message.objects.filter(state=State.QUEUED, owner="")
    return changed, list(free.values_list("conversation_id", flat=True).distinct())


def _sent_before(rows: Iterable[Message], client_id: str) -> Received | None:
    """What an earlier send with the same `client_id` stored."""
    visitor = next((row for row in rows if row.client_id == client_id), None)
    if visitor is None:
        return None
    reply = next((row for row in rows if row.answers_id == visitor.pk), None)
    return Received(visitor, reply, created=False)


def _add(conversation: Conversation, seq: int, **fields) -> Message:
    return Message.objects.create(
        conversation=conversation, seq=seq, rev=conversation.next_rev(), **fields
    )


def _claimed() -> dict:
    """The fields of a reply that this process has taken on."""
    prompt = ReplyPrompt.objects.current()
    return {"owner": owner.me(), "heartbeat": timezone.now(), "prompt": prompt}


def _claim(conversation: Conversation, reply: Message) -> bool:
    others = conversation.messages.replies().exclude(pk=reply.pk)
    if reply.owner or others.running().filter(~Q(owner="")).exists():
        return False
    claimed = _claimed() | {"stop_requested": False}
    for name, value in claimed.items():
        setattr(reply, name, value)
    reply.save(update_fields=claimed)
    return True


def _owned(reply: Message):
    """The row of this attempt, while it runs and is still this process's."""
    return Message.objects.filter(
        pk=reply.pk, attempt=reply.attempt, owner=owner.me(), state__in=RUNNING
    )


def _end(conversation: Conversation, row: Message, state: str, text: str, **made) -> None:
    row.state, row.text, row.owner, row.heartbeat = state, text, "", None
    row.rev = conversation.next_rev()
    for name, value in made.items():
        setattr(row, name, value)
    row.save()
    if text:
        conversation.show_last(text)


def _expire(row: Message) -> bool:
    with Conversation.objects.changing(row.conversation_id) as conversation:
        row = conversation.messages.running().filter(pk=row.pk).first()
        if row is None or not _is_expired(row):
            return False
        if row.state == State.STREAMING:
            _end(conversation, row, State.INTERRUPTED, row.text)
        elif row.created < timezone.now() - YOUNG:
            _end(conversation, row, State.FAILED, "")
        else:
            row.owner, row.heartbeat = "", None
            row.save(update_fields=["owner", "heartbeat"])
        return True


def _is_expired(row: Message) -> bool:
    if not row.owner:
        return row.created < timezone.now() - YOUNG
    silent = row.heartbeat is None or row.heartbeat < timezone.now() - HEARTBEAT_EXPIRES
    return silent or owner.is_dead(row.owner)
