"""Verbs on alerts: raise them where a mood is stored, read one, mark them as seen."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chat import bell, mood, webhooks
from chat.models import Alert, AlertRule, Conversation, Message, User
from chat.rules import Said, reason

FRESH = timedelta(hours=1)  # what was said before that (a backfill, the demo) turns no more


def raise_alerts(
    conversation: Conversation,
    message: Message,
    polarity: Mapping[str, int],
    former: float | None = None,
) -> list[Alert]:
    """What the rules say about a message whose mood was just stored; once a rule and message.

    Labels may come in another order than the messages, and people correct them later: rules that
    look at several messages judge the newest one, whichever of them got its label.

    Call it inside `Conversation.objects.changing`. Staff and the webhook hear after the commit.

    Args:
        polarity: of the labels that the mood has.
        former: the message's score until now, if it had one.
    """
    rules = list(AlertRule.objects.enabled())
    rows = list(_with_mood(conversation)) if rules else []
    said = {row.pk: _said(row, polarity) for row in rows}
    if message.pk not in said:
        return []
    one = (message, [said[message.pk]], [])
    several = (rows[-1], [*said.values()], _before(said, message, former))
    since, alerts = timezone.now() - FRESH, []
    for rule in rules:
        at, now, before = one if rule.kind == AlertRule.Kind.MESSAGE else several
        if at.created >= since and (why := _reason(rule, conversation, now, before)):
            alerts.append(_raise(rule, at, why))
    return [alert for alert in alerts if alert]


def read(alert_id: int) -> Alert | None:
    """An alert with what a page shows of it; None once it is deleted."""
    return Alert.objects.select_related("rule", "message").filter(pk=alert_id).first()


def see(alerts: QuerySet[Alert], person: User) -> int:
    """Somebody sees to these; returns how many were open until then."""
    return alerts.open().update(seen=timezone.now(), seen_by=person)


def _with_mood(conversation: Conversation) -> QuerySet[Message]:
    """The visitor's messages that have a mood, in order."""
    rows = conversation.messages.from_visitor().filter(score__isnull=False)
    return rows.only("conversation", "created", "score", "scores").order_by("seq")


def _said(row: Message, polarity: Mapping[str, int]) -> Said:
    return Said(row.score, mood.negative_share(row.scores or {}, polarity))


def _before(said: Mapping[int, Said], message: Message, former: float | None) -> list[Said]:
    """What was known before this message got the score that it has among what was `said`."""
    known = {**said, message.pk: None if former is None else Said(former, 0)}
    return [each for each in known.values() if each]


def _reason(
    rule: AlertRule, conversation: Conversation, said: Sequence[Said], before: Sequence[Said]
) -> str | None:
    """Why the rule raises an alert, in words; None if it does not.

    What is true already is told, too, if the rule never spoke of this conversation: it may be
    younger than the trouble, or the labels came when that was too long ago.
    """
    why = reason(rule, said, ())
    if why is None or reason(rule, said, before):
        return why
    told = Alert.objects.filter(rule=rule, conversation=conversation)
    return None if told.exists() else why


def _raise(rule: AlertRule, message: Message, why: str) -> Alert | None:
    defaults = {"conversation_id": message.conversation_id, "reason": why}
    alert, created = Alert.objects.get_or_create(rule=rule, message=message, defaults=defaults)
    if not created:
        return None
    webhooks.enqueue(alert)
    tell = async_to_sync(bell.raised)
    # A bell that cannot be rung must not look like a label that was not stored.
    transaction.on_commit(lambda: tell(message.conversation_id, alert.pk), robust=True)
    return alert
