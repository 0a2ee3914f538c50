"""The prompts that ship with the product: plain data, imported by models, training and tests.

The pocket model is trained through these very texts, so changing one means training it again.
"""

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


@dataclass(frozen=True)
class TaskPreset:
    """A task as it is first installed; afterwards people edit it in the admin."""

    slug: str
    name: str
    prompt: str
    labels: tuple[dict, ...]
    context: str = "message"
    threshold: float = 0.6


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
    labels=(
        {"name": "Positive", "description": "Thanks, praise or joy", "polarity": 1, "flags": []},
        {
            "name": "Neutral",
            "description": "A question, a request or a plain report",
            "polarity": 0,
            "flags": [],
        },
        {
            "name": "Negative",
            "description": "Anger, disappointment, blame or a threat to leave",
            "polarity": -1,
            "flags": ["review"],
        },
    ),
)

TASKS = (SENTIMENT,)
