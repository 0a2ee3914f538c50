"""Verbs on alerts: raise them where a mood is stored, read one, mark them as seen."""

from collections.abc import Mapping
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
    conversation: Conversation, message: Message, polarity: Mapping[str, int]
) -> list[Alert]:
    """What the rules say about a message whose mood was just stored; once a rule and message.

    Call it inside `Conversation.objects.changing`. Staff and the webhook hear after the commit.

    Args:
        polarity: of the labels that the mood has.
    """
    if message.created < timezone.now() - FRESH:
        return []
    rules = list(AlertRule.objects.enabled())
    said = _said_until(conversation, message.seq, polarity) if rules else []
    found = [(rule, why) for rule in rules if said and (why := reason(rule, said))]
    return [alert for rule, why in found if (alert := _raise(rule, message, why))]


def read(alert_id: int) -> Alert | None:
    """An alert with what a page shows of it; None once it is deleted."""
    return Alert.objects.select_related("rule", "message").filter(pk=alert_id).first()


def see(alerts: QuerySet[Alert], person: User) -> int:
    """Somebody sees to these; returns how many were open until then."""
    return alerts.open().update(seen=timezone.now(), seen_by=person)


def _said_until(conversation: Conversation, seq: int, polarity: Mapping[str, int]) -> list[Said]:
    """The visitor's messages up to this one that have a mood, in order."""
    rows = conversation.messages.from_visitor().filter(score__isnull=False, seq__lte=seq)
    found = rows.order_by("seq").values_list("score", "scores")
    return [Said(score, mood.negative_share(scores or {}, polarity)) for score, scores in found]


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
