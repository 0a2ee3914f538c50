"""The prompts that ship with the product: plain data, imported by models, training and tests.

The pocket model is trained through these very texts, so changing one means training it again.
"""

import json
from dataclasses import dataclass

REPLY_SYSTEM = (
    "You are a warm and honest support assistant. "
    "Answer in the customer's language, in a few short sentences. "
    "If the customer is upset, acknowledge it first. "
    "You cannot see orders, accounts or payments, so never invent facts about them: "
    "ask for the details you need, explain the next step, or offer to bring in a person."
)
BOT_NAME = "Mia"
GREETING = "Hi, I'm Mia, an AI assistant. How can I help you today?"
GREETING_ZH = "您好，我是智能助手 Mia，请问有什么可以帮您？"

# What a label may tell the reply of the same turn, as a further system message.
UPSET_GUIDANCE = "The customer is upset. Acknowledge this first, then offer to bring in a person."
PERSON_GUIDANCE = "The customer wants a person. Say that a colleague takes over in this chat."

# What a message names, as JSON.
DETAILS = (
    "Write what the customer's message names as JSON with the keys order, product, amount and "
    "action. Use null for what is not named. The action is track, cancel, change, refund, return, "
    "exchange, complain or other."
)
ACTIONS = ("track", "cancel", "change", "refund", "return", "exchange", "complain", "other")


_NAMED = {"type": ["string", "null"]}
DETAILS_SCHEMA = {
    "type": "object",
    "properties": {
        "order": {**_NAMED, "maxLength": 40},
        "product": {**_NAMED, "maxLength": 80},
        "amount": {**_NAMED, "maxLength": 40},
        "action": {"enum": list(ACTIONS)},
    },
    "required": ["order", "product", "amount", "action"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class TaskPreset:
    """A task as it is first installed; afterwards people edit it in the admin.

    It has labels or, as text, a schema.
    """

    slug: str
    name: str
    prompt: str
    labels: tuple[dict, ...] = ()
    schema: str = ""
    context: str = "message"
    threshold: float = 0.6
    enabled: bool = False  # the others wait until somebody switches them on

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(label["name"] for label in self.labels)


def _guided(labels: tuple[dict, ...], **guidance: str) -> tuple[dict, ...]:
    """Labels with what some of them, by name, tell the reply where the task's switch is on."""
    return tuple(
        {**label, "guidance": guidance[label["name"]]} if label["name"] in guidance else label
        for label in labels
    )


def _labels(*rows: tuple) -> tuple[dict, ...]:
    """Rows of name, description, polarity and flags; the last two may be left out."""
    return tuple(
        {
            "name": name,
            "description": description,
            "polarity": rest[0] if rest else 0,
            "flags": list(rest[1:]),
        }
        for name, description, *rest in rows
    )


SENTIMENT = TaskPreset(
    slug="sentiment",
    name="Sentiment",
    prompt=(
        "You read messages that customers write to a support desk. "
        "Positive: thanks, praise or joy. "
        "Neutral: a question, a request, or a plain report of a fact or a problem. "
        "Negative: anger, disappointment, blame or a threat to leave. "
        "What is the mood of the message? "
        "Answer with one word: Positive, Neutral or Negative."
    ),
    labels=_guided(
        _labels(
            ("Positive", "Thanks, praise or joy", 1),
            ("Neutral", "A question, a request or a plain report", 0),
            ("Negative", "Anger, disappointment, blame or a threat to leave", -1, "review"),
        ),
        Negative=UPSET_GUIDANCE,
    ),
    enabled=True,
)
STRICT = TaskPreset(
    slug="sentiment-strict",
    name="Sentiment, two labels",
    prompt=(
        "Classify the sentiment of the message that a customer writes. "
        "Answer with exactly one word: Positive or Negative."
    ),
    labels=_guided(
        _labels(
            ("Positive", "More content than not", 1),
            ("Negative", "More discontent than not", -1),
        ),
        Negative=UPSET_GUIDANCE,
    ),
)
URGENCY = TaskPreset(
    slug="urgency",
    name="Urgency",
    prompt=(
        "You read messages that customers write to a support desk. "
        "High: it cannot wait, because of danger, a theft, a deadline or a plea to hurry. "
        "Normal: a question or a problem that waits for its turn. "
        "Low: thanks, small talk, an opinion, or a wish without hurry. "
        "How urgent is the message? Answer with one word: High, Normal or Low."
    ),
    labels=_labels(
        ("High", "It cannot wait: danger, theft, a deadline, a plea to hurry"),
        ("Normal", "A question or a problem that waits for its turn"),
        ("Low", "Thanks, small talk, an opinion, a wish without hurry"),
    ),
)
WANTS_HUMAN = TaskPreset(
    slug="wants-human",
    name="Wants a person",
    prompt=(
        "You read messages that customers write to a support desk. "
        "Does the customer ask to speak with a person instead of a machine? "
        "Answer with one word: Yes or No."
    ),
    labels=_guided(
        _labels(("Yes", "Asks for a person", 0, "person"), ("No", "Does not ask for a person")),
        Yes=PERSON_GUIDANCE,
    ),
)
TOPIC = TaskPreset(
    slug="topic",
    name="Topic",
    prompt=(
        "You read messages that customers write to a support desk. "
        "Order: placing, changing or cancelling one. Delivery: where it is, when, how, where to. "
        "Return: refunds, exchanges, damaged or wrong goods. "
        "Payment: bills, charges, discounts, ways to pay. "
        "Account: login, personal data, contracts, subscriptions. "
        "Technical: websites, apps, devices, internet, phone. "
        "Booking: rooms, tables, trips, appointments. "
        "Product: what is on sale and what it is like. Other: anything else. "
        "What is the message about? Answer with one word from this list."
    ),
    labels=_labels(
        ("Order", "Placing, changing or cancelling one"),
        ("Delivery", "Where it is, when it comes, how and where to"),
        ("Return", "Refunds, exchanges, damaged or wrong goods"),
        ("Payment", "Bills, charges, discounts, ways to pay"),
        ("Account", "Login, personal data, contracts, subscriptions"),
        ("Technical", "Websites, apps, devices, internet, phone"),
        ("Booking", "Rooms, tables, trips, appointments"),
        ("Product", "What is on sale and what it is like"),
        ("Other", "Anything else"),
    ),
)
LANGUAGE = TaskPreset(
    slug="language",
    name="Language",
    prompt=(
        "In which language is the message written? "
        "Mixed: both English and Chinese. Other: any other language. "
        "Answer with one word: English, Chinese, Mixed or Other."
    ),
    labels=_labels(
        ("English", "Written in English"),
        ("Chinese", "Written in Chinese"),
        ("Mixed", "Both English and Chinese"),
        ("Other", "Any other language"),
    ),
)
DETAILS_TASK = TaskPreset(
    slug="details",
    name="Details",
    prompt=DETAILS,
    schema=json.dumps(DETAILS_SCHEMA, indent=2),
)

TASKS = (SENTIMENT, STRICT, URGENCY, WANTS_HUMAN, TOPIC, LANGUAGE)  # that score labels
ALL = (*TASKS, DETAILS_TASK)
