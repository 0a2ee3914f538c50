"""Visitors have no account: a signed token opens exactly one conversation for 30 days."""

import secrets
from uuid import UUID

from django.conf import settings
from django.core import signing

SALT = "chat.visitors.token"


def new_key() -> str:
    """A random key for `Conversation.visitor`."""
    return secrets.token_urlsafe(16)


def token_for(conversation_id: UUID) -> str:
    return signing.dumps(str(conversation_id), salt=SALT)


def opens(token: object, conversation_id: UUID) -> bool:
    """Whether this token, whatever a stranger sent as one, opens this conversation."""
    if not isinstance(token, str):
        return False
    try:
        content = signing.loads(token, salt=SALT, max_age=settings.CHAT_TOKEN_DAYS * 86400)
    except signing.BadSignature:
        return False
    return content == str(conversation_id)
