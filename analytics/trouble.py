"""Which conversations need somebody now."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from analytics.models import ConversationHour, ConversationLabel
from chat.models import Conversation
from chat.mood import STEADY

NOW = timedelta(days=1)  # whoever wrote longer ago has left
RECOVERED, LOST = "recovered", "lost"


def in_trouble() -> Q:
    """Not closed, somebody wrote within a day, and: the mood is negative, a flag is open, or the
    visitor waits for a person.
    """
    present = Q(last_message_at__gte=timezone.now() - NOW) & ~Q(status=Conversation.Status.CLOSED)
    needy = Q(mood_score__lt=-STEADY) | Q(flagged__gt=0) | Q(status=Conversation.Status.WAITING)
    return present & needy


def went(outcome: str) -> Q:
    """Conversations in which a message was negative: `recovered` if the last one is not, else
    `lost`.
    """
    return Q(Exists(ConversationHour.objects.filter(conversation=OuterRef("pk"), **{outcome: 1})))


def labelled(task: str, label: str = "", conversation: str = "pk") -> Q:
    """Conversations with a label of a task, or with this very one.

    Args:
        task: its slug.
        conversation: the column of the outer query that names the conversation.
    """
    rows = ConversationLabel.objects.filter(conversation=OuterRef(conversation), task__slug=task)
    return Q(Exists(rows.filter(label=label) if label else rows))
