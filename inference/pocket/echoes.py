"""Drills: a message of random facts that is to be repeated word for word.

They teach a small model early to copy what it reads, which order numbers in replies depend on. The
system prompt is their own, so that nobody is echoed in a real conversation.
"""

import random

from inference.pocket import grammar
from inference.pocket.conversations import Conversation, Turn
from inference.pocket.facts import Facts, digits

SYSTEM = "Repeat the message word for word."
_NAMED = ("order", "name", "product", "city", "amount", "date", "email", "phone", "weekday", "n")


def echo(rng: random.Random) -> Conversation:
    """A conversation of one turn whose reply is the message."""
    language = rng.choice(grammar.LANGUAGES)
    book = grammar.load(language)
    facts = Facts(rng, language, lambda name: rng.choice(book.lexicons[name]))
    parts = [_part(rng, facts) for _ in range(rng.randint(1, 10))]
    gap = rng.choice(" ，、") if language == "zh" else rng.choice((" ", ", ", " and "))
    text = gap.join(parts)
    return Conversation(SYSTEM, [Turn(text, text, "echo", language)])


def _part(rng: random.Random, facts: Facts) -> str:
    if rng.random() < 0.5:
        return digits(rng, rng.randint(2, 9))
    facts.clear()
    return facts[rng.choice(_NAMED)]
