"""Phrases in what people type: found as whole words, whatever the letter case. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Scripts that write words apart; between Chinese characters any place is a word's edge.
SPACED = "0-9a-z\u00c0-\u024f\u0370-\u052f"


def normal(text: str) -> str:
    """`text` without letter case, wide forms and more than one space in a row."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def holds_any(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of the phrases occurs in the text, not as a part of another word."""
    pattern = _pattern(frozenset(filter(None, map(normal, phrases))))
    return pattern is not None and pattern.search(normal(text)) is not None


def is_any(text: str, phrases: Iterable[str]) -> bool:
    """Whether the text is one of the phrases and nothing more, but for punctuation."""
    return _bare(text) in {_bare(phrase) for phrase in phrases} - {""}


@lru_cache(maxsize=64)
def _pattern(phrases: frozenset[str]) -> re.Pattern | None:
    if not phrases:
        return None
    return re.compile("|".join(map(_whole, sorted(phrases))))


def _whole(phrase: str) -> str:
    """The phrase as a pattern; where it begins or ends with a letter, a word begins or ends."""
    start = f"(?<![{SPACED}])" if re.match(f"[{SPACED}]", phrase) else ""
    end = f"(?![{SPACED}])" if re.search(f"[{SPACED}]$", phrase) else ""
    return f"{start}{re.escape(phrase)}{end}"


def _bare(text: str) -> str:
    kept = (each if unicodedata.category(each)[0] in "LMN" else " " for each in normal(text))
    return " ".join("".join(kept).split())
