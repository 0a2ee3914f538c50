"""Texts made of others, so that a text that is read often is never quite the same."""

import random

_GAPS = (0.05, 0.1, 0.2)  # shares of words that a thinned text may lack


def thinned(rng: random.Random, text: str) -> str:
    """The text with some words left out, never without any."""
    gaps = rng.choice(_GAPS)
    return " ".join(word for word in text.split() if rng.random() > gaps) or text


def spliced(rng: random.Random, first: str, second: str) -> str:
    """The beginning of one text before the end of another: words in company that nobody labelled,
    so that what each of them says is learned and no text by heart."""
    head, tail = first.split(), second.split()
    return " ".join(head[: rng.randint(1, len(head) or 1)] + tail[rng.randrange(len(tail) or 1) :])
