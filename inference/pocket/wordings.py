"""Other wordings of the shipped tasks: what an admin might write in their place.

A small share of the training goes through them, with the labels in any order, so that an edited
prompt does not throw the model off.
"""

import random
from collections.abc import Sequence

from inference.presets import TaskPreset

SHIPPED = 0.86  # share of the shipped wording

PREAMBLES = (
    "You read messages that customers write to a support desk. ",
    "You sort messages of customers. ",
    "Below is a message from a customer. ",
    "Here is what a customer writes to us. ",
    "You are an assistant for a support team. ",
    "",
)
_QUESTIONS = {
    "sentiment": (
        "What is the mood of the message?",
        "What is the sentiment of this message?",
        "Classify the sentiment of the message.",
        "How does the customer feel?",
        "Is the message positive, neutral or negative?",
    ),
    "sentiment-strict": (
        "Classify the sentiment of the message.",
        "Is the customer content or not?",
        "What is the sentiment of this message?",
    ),
    "urgency": (
        "How urgent is the message?",
        "Is this urgent?",
        "Rate the urgency of the message.",
        "How soon does this need an answer?",
    ),
    "wants-human": (
        "Does the customer ask for a person?",
        "Does the customer want to talk to a human agent?",
        "Is a human wanted?",
        "Does the customer ask to speak with a person instead of a machine?",
    ),
    "topic": (
        "What is the message about?",
        "Which topic does the message belong to?",
        "Sort the message into one of these topics.",
    ),
    "language": (
        "In which language is the message written?",
        "What language is this?",
        "Name the language of the message.",
    ),
}
ANSWERS = ("Answer with one word: {}.", "Answer only with {}.", "Reply with {}.", "Choose {}.")


def wording(rng: random.Random, task: TaskPreset) -> str:
    """The prompt of `task` as it ships, or now and then as somebody else would put it."""
    if rng.random() < SHIPPED:
        return task.prompt
    labels = [dict(label) for label in task.labels]
    rng.shuffle(labels)
    explained = (f"{label['name']}: {label['description'].lower()}. " for label in labels)
    return (
        rng.choice(PREAMBLES)
        + ("".join(explained) if rng.random() < 0.6 else "")
        + rng.choice(_QUESTIONS[task.slug])
        + " "
        + rng.choice(ANSWERS).format(listed([label["name"] for label in labels]))
    )


def listed(names: Sequence[str]) -> str:
    """Labels as a prompt offers them: "High, Normal or Low"."""
    return f"{', '.join(names[:-1])} or {names[-1]}"
