"""Labelled messages for the sentiment task, written so that the label follows from the parts."""

import random
from functools import cache

from inference.pocket import grammar, noise
from inference.pocket.facts import Facts

LABELS = ("Positive", "Neutral", "Negative")
_SHARES = (0.3, 0.36, 0.34)


@cache
def templates(language: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """By label: "asks" are the messages of intents, "alone" those that belong to none."""
    book = grammar.load(language)
    asks = [
        (ask.text, ask.mood)
        for intent in book.intents.values()
        for exchange in intent.exchanges()
        for ask in exchange.asks
    ]
    return {
        label: {
            "asks": tuple(text for text, mood in asks if mood == label),
            "alone": tuple(text for text, mood in book.moods if mood == label),
        }
        for label in LABELS
    }


def message(rng: random.Random, language: str) -> tuple[str, str]:
    """A message and its label."""
    book = grammar.load(language)
    facts = Facts(rng, language, lambda name: rng.choice(book.lexicons[name]))
    facts["bot"] = "Mia"
    label = rng.choices(LABELS, _SHARES)[0]
    text = book.expand(_template(rng, language, label), rng, facts)
    return noise.typed(text, language, rng, facts.fixed(), label), label


def _template(rng: random.Random, language: str, label: str) -> str:
    """One template of the label, or a sentence of it beside plain ones, which keeps the label."""
    text = _one(rng, language, label)
    chance = rng.random()
    hello = "<hello>" + ("，" if language == "zh" else ", ")
    if label == "Neutral":
        if chance < 0.12:
            return hello + text
        if chance < 0.27:
            return _join(rng, language, text, "<tail>")
        if chance < 0.36:
            return f"<lead> {text}" if language == "en" else f"<lead>{text}"
        if chance < 0.46:
            return _join(rng, language, text, _one(rng, language, "Neutral", "asks"))
        return text
    if chance < 0.07:
        return hello + text
    if chance < 0.22:
        return _join(rng, language, _one(rng, language, "Neutral"), text)
    if chance < 0.3:
        return _join(rng, language, text, _one(rng, language, "Neutral", "asks"))
    if chance < 0.4:
        return _join(rng, language, text, _one(rng, language, label))
    return text


def _one(rng: random.Random, language: str, label: str, kind: str | None = None) -> str:
    kinds = templates(language)[label]
    share = 0.65 if label == "Neutral" else 0.3
    kind = kind or ("asks" if rng.random() < share else "alone")
    return rng.choice(kinds[kind])


def _join(rng: random.Random, language: str, first: str, second: str) -> str:
    if language == "zh":
        return first.rstrip("。！？ ") + rng.choice("，，。！ ") + second
    if first.endswith(("?", "!", "?]")):
        return f"{first} {second}"
    return first + rng.choice((". ", ". ", ", ", "! ", " - ", " and ", "... ")) + second
