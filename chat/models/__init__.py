"""Everything that is stored about conversations, and the verbs that write it."""

from chat.models.alert import Alert, AlertRule, Delivery
from chat.models.backfill import Backfill
from chat.models.conversation import Conversation
from chat.models.extraction import Extraction
from chat.models.message import Message
from chat.models.mood import Classification, MoodCount, Review
from chat.models.people import GivenRight, User
from chat.models.phrase import RoutingPhrase
from chat.models.prompt import ReplyPrompt
from chat.models.token import ApiToken

__all__ = [
    "Alert",
    "AlertRule",
    "ApiToken",
    "Backfill",
    "Classification",
    "Conversation",
    "Delivery",
    "Extraction",
    "GivenRight",
    "Message",
    "MoodCount",
    "ReplyPrompt",
    "Review",
    "RoutingPhrase",
    "User",
]
