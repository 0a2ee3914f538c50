"""Alerts to another system: signed, tried again until they arrive, and without anybody's words.

An alert and its delivery are stored together, so none is lost when a process dies in between. The
receiver may get one twice and tells by its `id`.
"""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings
from django.utils import timezone

from chat.models import Alert, Delivery

WAITS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200)]  # between the attempts
TIMEOUT = 10  # seconds of one attempt
CLAIM = timedelta(seconds=60)  # how long a process that claimed a delivery may take over it
SIGNATURE = "X-Desk-Signature"


class _NoRedirects(HTTPRedirectHandler):
    """What is signed for one address goes to no other."""

    def redirect_request(self, *args, **kwargs):
        return None


_opener = build_opener(_NoRedirects)


def enqueue(alert: Alert) -> None:
    """Have the alert sent, if there is a webhook and its rule wants it."""
    if settings.ALERT_WEBHOOK_URL and alert.rule.webhook:
        Delivery.objects.create(alert=alert, due=timezone.now())


def claim() -> Delivery | None:
    """The delivery that has been due longest, claimed for this process alone; None if none is.

    One at a time: a claim is for one attempt, and must not run out during those before it.
    """
    due = Delivery.objects.filter(due__lte=timezone.now()).order_by("due", "pk")
    while row := due.select_related("alert__rule", "alert__message").first():
        if _claim(row):
            return row
    return None


def attempt(delivery: Delivery) -> str:
    """Post the alert; returns what went wrong, empty if it arrived. Writes nothing.

    Any status but 2xx is a failure, redirects too.
    """
    body = json.dumps(payload(delivery.alert)).encode()
    headers = {"Content-Type": "application/json", SIGNATURE: sign(body, int(time.time()))}
    request = Request(settings.ALERT_WEBHOOK_URL, body, headers, method="POST")
    try:
        with _opener.open(request, timeout=TIMEOUT):
            return ""
    except HTTPError as error:
        return f"HTTP {error.code}"
    except (OSError, HTTPException, ValueError) as error:  # no line, no HTTP, no address
        return f"{type(error).__name__}: {error}"


def settle(delivery: Delivery, error: str) -> None:
    """Store how an attempt went, and when the next one is due: after the last one never.

    An attempt that took longer than its claim is another process's by now, and stores nothing.
    """
    now, attempts = timezone.now(), delivery.attempts + 1
    again = error and attempts <= len(WAITS)
    Delivery.objects.filter(pk=delivery.pk, due=delivery.due).update(
        attempts=attempts,
        error=error[:200],
        due=now + WAITS[attempts - 1] if again else None,
        delivered=None if error else now,
    )


def payload(alert: Alert) -> dict:
    """What is posted: where to look, and nothing that a visitor wrote."""
    return {
        "type": "alert",
        "id": alert.pk,
        "rule": alert.rule.name,
        "reason": alert.reason,
        "conversation": str(alert.conversation_id),
        "seq": alert.message.seq,
        "label": alert.message.label,
        "score": alert.message.score,
        "created": alert.created.isoformat(),
    }


def sign(body: bytes, moment: int) -> str:
    """`t=<seconds>,v1=<hex>`: HMAC-SHA256 of "<seconds>." and the body, with the secret.

    The moment is signed too, so that the receiver can refuse what somebody recorded earlier.
    """
    key = settings.ALERT_WEBHOOK_SECRET.encode()
    digest = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _claim(row: Delivery) -> bool:
    """Compare and set: only one process finds the row as it read it. `due` is then its own."""
    as_read, row.due = row.due, timezone.now() + CLAIM
    return bool(Delivery.objects.filter(pk=row.pk, due=as_read).update(due=row.due))
