"""System prompts of the reply: mostly the one that ships, else what an admin might write."""

import random

from inference import presets
from inference.pocket import grammar
from inference.pocket.facts import Facts

SHIPPED, SHORTENED = 0.72, 0.07  # shares


def draw(rng: random.Random) -> tuple[str, str]:
    """A system prompt and the bot's name; a prompt without a name stands for the shipped one."""
    chance = rng.random()
    if chance < SHIPPED:
        return presets.REPLY_SYSTEM, presets.BOT_NAME
    sentences = presets.REPLY_SYSTEM.split(". ")
    if chance < SHIPPED + SHORTENED:
        return ". ".join(sentences[: rng.randint(1, len(sentences) - 1)]) + ".", presets.BOT_NAME
    return _named(rng, ". ".join(sentences[1:]))


def _named(rng: random.Random, shipped_rules: str) -> tuple[str, str]:
    """A persona with a name of its own, and some rules."""
    book = grammar.load("en")
    facts = Facts(rng, "en", lambda name: rng.choice(book.lexicons[name]))
    opening = book.expand("<persona>", rng, facts)
    if rng.random() < 0.35:
        return f"{opening} {shipped_rules}", facts["bot"]
    rules = rng.sample(book.lexicons["rule"], rng.randint(0, 4))
    return " ".join((opening, *rules)), facts["bot"]
