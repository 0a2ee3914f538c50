"""Whole support conversations: episodes of intents with the replies that fit them."""

import random

from inference.pocket import grammar, personas
from inference.pocket.dialogue import Conversation
from inference.pocket.speaker import Speaker

_RECALLED = 0.2  # share of matters after which a customer who gave a name asks for it


def conversation(
    rng: random.Random,
    language: str | None = None,
    asked: tuple[str, str] | None = None,
    length: int | None = None,
) -> Conversation:
    """A conversation of `length` turns: by default 1 to 6, now and then up to 14.

    `asked` is an English question from elsewhere and its intent, to begin with.
    """
    system, bot = personas.draw(rng)
    told = Conversation(system)
    language = language or rng.choice(grammar.LANGUAGES)
    length = (
        length or rng.choices((1, 2, 3, 4, 5, 6, rng.randint(7, 14)), (25, 21, 17, 12, 9, 8, 8))[0]
    )
    if asked:
        language = "en"
    speaker = Speaker(rng, language, bot)
    if asked:
        speaker.quote(told, *asked)
    while len(told.turns) < length:
        if told.turns and rng.random() < 0.04:
            speaker = Speaker(rng, "zh" if speaker.language == "en" else "en", bot)
        speaker.episode(told, length)
        if len(told.turns) < length and rng.random() < _RECALLED:
            speaker.recall(told)
    return told
