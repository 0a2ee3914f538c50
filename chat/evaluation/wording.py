"""What can be told of a text without understanding it: its script, its numbers, its loops. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

MOST_LATIN_IN_CHINESE = 0.5
MOST_HAN_IN_ENGLISH = 0.2

_HAN = r"[\u3400-\u4dbf\u4e00-\u9fff]"
_LATIN_WORD = r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)*"
_SCRIPT_UNIT = re.compile(f"(?P<han>{_HAN})|{_LATIN_WORD}")
_UNIT = re.compile(rf"{_HAN}|{_LATIN_WORD}|\d+(?:[.,]\d+)*|[^\W\d_]")
_LIST_NUMBER = re.compile(r"^\s*\d{1,2}[.)、](?!\d)", re.MULTILINE)
_GROUPED = re.compile(r"(?<=\d)[ ,.-](?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DIGITS = re.compile(r"\d+")


def in_language(text: str, language: str) -> bool:
    """Whether `text` is in "en" or "zh", by script.

    A Han character counts as one, and so does a word in Latin letters; numbers and marks do not.
    Chinese text may hold as many Latin words as Han characters (names, products), English text one
    Han character in five. Text without either is in no language.
    """
    units = [match["han"] is not None for match in _SCRIPT_UNIT.finditer(text)]
    if not units:
        return False
    han = sum(units) / len(units)
    return han >= 1 - MOST_LATIN_IN_CHINESE if language == "zh" else han <= MOST_HAN_IN_ENGLISH


def units(text: str) -> list[str]:
    """Its words and numbers, in lower case; every Han character is one."""
    return [match.group().casefold() for match in _UNIT.finditer(text)]


def loops(text: str, size: int = 4, most: int = 2) -> bool:
    """Whether some `size`-gram occurs more than `most` times.

    Grams are of `units`: of words in English and of characters in Chinese.
    """
    words = units(text)
    grams = Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
    return any(count > most for count in grams.values())


def holds(text: str, wanted: str) -> bool:
    """Whether `wanted` stands in `text`, not as a part of a longer number or Latin word.

    Case and width (full, half) make no difference; nothing else is forgiven.
    """
    pattern = rf"(?<![0-9a-z]){re.escape(_plain(wanted))}(?![0-9a-z])"
    return re.search(pattern, _plain(text)) is not None


def invented_numbers(text: str, sources: Iterable[str]) -> list[str]:
    """The numbers in `text` that stand in none of the `sources`, in order.

    A number is a run of digits. Leading zeros, commas before thousands and the spaces or hyphens
    inside a long number make no difference, and the numbers of a list ("1." at a line's start)
    are not counted.
    """
    known = {
        number for source in sources for number in _known(unicodedata.normalize("NFKC", source))
    }
    said = _THOUSANDS.sub("", _LIST_NUMBER.sub("", unicodedata.normalize("NFKC", text)))
    return [each for each in _DIGITS.findall(said) if _significant(each) not in known]


def _known(source: str) -> set[str]:
    joined = (source, _THOUSANDS.sub("", source), _GROUPED.sub("", source))
    return {_significant(number) for each in joined for number in _DIGITS.findall(each)}


def _significant(number: str) -> str:
    return number.lstrip("0") or "0"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
