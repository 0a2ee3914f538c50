"""Short judgements around an adjective whose polarity is known: praise, blame, and plain facts."""

import random
from collections.abc import Mapping, Sequence

_ALONE = (
    "{a}", "so {a}", "really {a}", "{a}!", "it's {a}", "how {a}", "this was {a}", "just {a}.",
    "{a} and {b}", "{a}, {b} and {c}", "it is {a}, {b} and {c}", "simply {a}", "{a}... {b}",
)  # fmt: skip
_WITH_NOUN = (
    "{a} {n}", "{an} {n}", "the {n} is {a}", "the {n} was {a}", "such {an} {n}", "very {a} {n}",
    "your {n} is {a}", "i found the {n} {a}", "{n}: {a}", "{an}, {b} {n}", "{an} and {b} {n}",
    "{a} {n}, {b} {m}", "the {n} was {a} and the {m} {b}", "what {an} {n}", "{an} {n} with {b} {m}",
    "i had {an} {n} here", "the {n} turned out {a}", "it is {an} and {b} {n}", "my {n} is {a}",
    "the {m} makes it {an} {n}", "we got {an} {n}", "it has {an} {n}", "{an} {n} about {b} {m}",
)  # fmt: skip
_DENIED = (
    "not {a}", "not {a} at all", "it isn't {a}", "hardly {a}", "anything but {a}", "far from {a}",
    "the {n} was not {a}", "nothing {a} about the {n}", "not {an} {n}", "never {a}, never {b}",
    "neither {a} nor {b}", "could have been {a}", "i expected {an} {n}", "the {n} is less than {a}",
)  # fmt: skip
_DENIED_SHARE = 0.12  # of those that praise; to deny a blame says little
_NOUNS = (
    "app", "agent", "answer", "bag", "bed", "book", "call", "camera", "chair", "chat", "class",
    "coat", "coffee", "colour", "comedy", "course", "delivery", "design", "device", "dinner",
    "display", "dress", "drama", "driver", "ending", "engineer", "evening", "experience", "film",
    "fit", "flight", "food", "game", "guide", "hotel", "idea", "internet", "journey", "laptop",
    "line", "manager", "meal", "menu", "movie", "music", "offer", "order", "package", "phone",
    "place", "plot", "price", "product", "quality", "reply", "restaurant", "result", "room",
    "screen", "script", "seat", "service", "shop", "show", "site", "song", "sound", "staff",
    "story", "style", "support", "taste", "team", "thing", "trip", "update", "version", "view",
    "waiter", "watch", "way", "website", "work", "writing",
)  # fmt: skip


def judgement(rng: random.Random, adjectives: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """A text and its label; `adjectives` are those of each label."""
    label = rng.choice(tuple(adjectives))
    form = rng.choice(_WITH_NOUN if rng.random() < 0.7 else _ALONE)
    denied = label == "Positive" and rng.random() < _DENIED_SHARE
    if denied:
        form = rng.choice(_DENIED)
    a, b, c = rng.choices(adjectives[label], k=3)
    text = form.format(
        a=a, an=_with_article(a), b=b, c=c, n=rng.choice(_NOUNS), m=rng.choice(_NOUNS)
    )
    return text, "Negative" if denied else label


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
