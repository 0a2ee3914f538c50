"""What staff may do, read anew from the database."""

from chat.models import User


def may_listen(user_id: int | None) -> bool:
    """Whether this person may hear of every message now."""
    user = User.objects.filter(pk=user_id, is_active=True, is_staff=True).first()
    return user is not None and user.has_perm("chat.view_message")
