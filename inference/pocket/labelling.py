"""What each task says of a generated message, from what the message is made of.

A label is left out where the parts do not settle it, so that nothing is taught that is in doubt.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from inference import presets

TASKS: Mapping[str, presets.TaskPreset] = {preset.slug: preset for preset in presets.TASKS}
SENTIMENT, STRICT = presets.SENTIMENT.slug, presets.STRICT.slug
URGENCY, WANTS_HUMAN = presets.URGENCY.slug, presets.WANTS_HUMAN.slug
TOPIC, LANGUAGE = presets.TOPIC.slug, presets.LANGUAGE.slug

LANGUAGE_NAMES = {"en": "English", "zh": "Chinese"}
MARKS = ("urgent", "calm", "want_person")  # lexicons whose entries settle a label by themselves

_URGENT = re.compile(
    r"\b(urgent(ly)?|asap|a\.s\.a\.p|emergency|right now|immediately|at once|hurry|deadline"
    r"|as soon as possible|by tonight|this minute|quickly)\b"
    r"|急|马上|立刻|立即|赶紧|尽快|快点|来不及",
    re.IGNORECASE,
)
_CALM = re.compile(
    r"\b(no|not|without any) (rush|hurry|urgent)|不急|不着急|不赶时间", re.IGNORECASE
)
_PERSON = re.compile(
    r"\b(humans?|persons?|someone|somebody|agents?|advisors?|representatives?|managers?|operators?"
    r"|supervisors?|boss|staff|bots?|robots?|machine|call me|callback|colleague)\b"
    r"|人工|真人|活人|经理|主管|负责人|领导|机器人|专人|工作人员|回电|打电话|同事",
    re.IGNORECASE,
)
_HIGH = {"account_security", "safety_recall"}
_LOW = {
    "greeting", "name", "how_are_you", "who_are_you", "are_you_a_robot", "what_can_you_do",
    "thanks", "goodbye", "praise", "small_talk", "jobs_and_business", "newsletter", "off_topic",
    "nonsense", "feedback_channel", "feature_request", "language", "feelings",
}  # fmt: skip
_NO_MATTER = {"order_follow", "any_follow", "unclear", "mixed_praise", "complaint", "callback"}
LEISURE = {"reviews", "social", "opinions"}  # files of lines that ask a support desk for nothing
_FILE_TOPICS = {"telecom": "Technical", "software": "Technical", "bookings": "Booking"}
_TOPICS = {
    "Order": ("cancel_order", "change_order", "missing_item", "reorder", "bulk_order"),
    "Delivery": (
        "order_status", "late_delivery", "delivery_time", "delivery_cost", "change_address",
        "delivery_missed", "lost_parcel", "pickup", "delivery_abroad", "delivery_slot",
    ),
    "Return": (
        "refund", "refund_status", "return_item", "exchange", "damaged_item", "wrong_item",
        "warranty",
    ),
    "Payment": (
        "payment_failed", "double_charge", "payment_methods", "invoice", "discount", "points",
        "gift_card", "installments", "price_match", "unknown_charge", "bill_question",
    ),
    "Account": (
        "login", "password", "change_email", "delete_account", "create_account", "newsletter",
        "subscription", "account_security", "verification_code", "privacy", "identity", "contract",
        "upgrade_plan",
    ),
    "Technical": ("technical",),
    "Product": ("stock", "product_question", "size_advice", "safety_recall", "gift"),
}  # fmt: skip
_TOPIC_OF = {intent: topic for topic, intents in _TOPICS.items() for intent in intents}


@dataclass(frozen=True)
class Source:
    """What a message was made of. `topic` is the grammar file; `marks` the lexicons added to it.

    `intent` is None for a line that belongs to none; `mood` is None where it is not settled.
    """

    languages: frozenset[str]
    topic: str
    intent: str | None = None
    mood: str | None = None
    marks: frozenset[str] = frozenset()


def labels(text: str, source: Source) -> dict[str, str]:
    """Label by task slug; a task that the parts do not settle is left out."""
    found = {
        SENTIMENT: source.mood,
        STRICT: source.mood if source.mood != "Neutral" else None,
        URGENCY: _urgency(text, source),
        WANTS_HUMAN: _wants_human(text, source),
        TOPIC: topic_of(source),
        LANGUAGE: _language(source),
    }
    return {slug: label for slug, label in found.items() if label is not None}


def _urgency(text: str, source: Source) -> str | None:
    if "urgent" in source.marks:
        return "High"
    if "calm" in source.marks or _CALM.search(text):
        return "Low"
    if _URGENT.search(text):
        return None if source.topic in LEISURE or source.mood == "Positive" else "High"
    if source.intent in _HIGH:
        return "High"
    if source.topic in LEISURE or source.intent in _LOW or source.mood == "Positive":
        return "Low"
    return "Normal" if source.mood else None


def _wants_human(text: str, source: Source) -> str | None:
    if "want_person" in source.marks:
        return "Yes"
    if source.intent == "human":
        return "Yes" if _PERSON.search(text) else None
    return None if _PERSON.search(text) else "No"


def topic_of(source: Source) -> str | None:
    if source.intent is None:
        return "Other" if source.topic == "social" else None
    if source.intent in _NO_MATTER:
        return None
    return _TOPIC_OF.get(source.intent) or _FILE_TOPICS.get(source.topic, "Other")


def _language(source: Source) -> str:
    if source.intent == "other_language":
        return "Other"
    if len(source.languages) > 1:
        return "Mixed"
    return LANGUAGE_NAMES[next(iter(source.languages))]
