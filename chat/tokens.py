"""Verbs on the tokens of the read API: issue one, find the one that a caller shows, revoke."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from chat.models import ApiToken, User

PREFIX = "desk_"  # lets scanners for leaked secrets know one when they see it
BEGINNING = 12  # characters that lists show
USE_NOTED_EVERY = timedelta(minutes=1)


def issue(
    owner: User, name: str, rights: list[str], expires: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token and its text, which is nowhere else from then on.

    Raises:
        ValidationError: `rights` names something that cannot be read.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        owner=owner,
        name=name,
        rights=rights,
        expires=expires,
        beginning=text[:BEGINNING],
        digest=digest(text),
    )
    row.full_clean()
    row.save()
    return row, text


def find(text: str) -> ApiToken | None:
    """The token with this text, if it works; notes that it was used."""
    row = ApiToken.objects.select_related("owner").filter(digest=digest(text)).first()
    if row is None or not row.works:
        return None
    now = timezone.now()
    if row.last_used is None or row.last_used < now - USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(last_used=now)
    return row


def revoke(tokens: QuerySet[ApiToken]) -> int:
    """End these tokens at once and for good; returns how many there were to end."""
    return tokens.filter(revoked=None).update(revoked=timezone.now())


def digest(text: str) -> str:
    """SHA-256: a token is 256 random bits, so there is nothing for a slow hash to protect."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
