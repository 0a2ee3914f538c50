"""Numbers of the intents, for the lesson beside the replies that tells what a message wants.

A reply is some forty tokens, of which two or three show whether the message was understood. So the
training also asks a linear layer in the middle of the model what each message wants (deep
supervision, Lee et al. 2015); it is no part of the finished model.
"""

from functools import cache

from inference.pocket import grammar


@cache
def names() -> tuple[str, ...]:
    """The intents of all languages, in the order of their numbers."""
    return tuple(
        sorted({name for each in grammar.LANGUAGES for name in grammar.load(each).intents})
    )


@cache
def _numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate(names())}


def number(intent: str) -> int:
    """Raises KeyError for an intent that no grammar has."""
    return _numbers()[intent]
