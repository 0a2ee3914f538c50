"""Personal data in what people wrote, replaced by words that say what stood there. Pure.

It errs on the side of masking: a year or a price of four digits goes too. It cannot know a name
that nobody gave as one.
"""

import re
from collections.abc import Iterable

LEAST_DIGITS = 4  # of a number that may be an order, a customer or a contract
LEAST_NAME = 2  # characters; a single letter would be masked everywhere

_NARROW = str.maketrans("０１２３４５６７８９＠＋", "0123456789@+")
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)*", re.ASCII)
_ALONE = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"
_CARD = re.compile(_ALONE.format(r"[0-9](?:[ -]?[0-9]){12,18}"))
_PHONE = re.compile(_ALONE.format(r"\+?\(?[0-9](?:[ ()./-]{0,2}[0-9]){6,14}"))
_CODE = re.compile(_ALONE.format(r"#?[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*"))
_INTRODUCED = re.compile(
    r"(?i:my name is|my name's|i am called|i'm called)\s+([^\W\d_][\w'’-]*(?:\s[A-Z][\w'’-]*){0,2})"
    r"|(?:我叫|我的名字[是叫]|本人姓名[是：:]?)\s*([\u4e00-\u9fff·]{2,4}|[A-Za-z]+)"
)
INTRODUCTIONS = ("my name", " called", "我叫", "我的名字", "本人姓名")  # hints for a search


def masked(text: str, names: Iterable[str] = ()) -> str:
    """The text without emails, cards, phones, long numbers and names.

    Args:
        names: what people in the conversation are called; each word of a name counts by itself.
    """
    text = text.translate(_NARROW)
    for pattern, word in ((_EMAIL, "[email]"), (_CARD, "[card]"), (_PHONE, "[phone]")):
        text = pattern.sub(word, text)
    text = _CODE.sub(_without_number, text)
    for name in _parts([*names, *introduced(text)]):
        text = _named(name).sub("[name]", text)
    return text


def introduced(text: str) -> list[str]:
    """The names by which somebody introduces themselves ("my name is", 我叫)."""
    return [english or chinese for english, chinese in _INTRODUCED.findall(text)]


def _without_number(code: re.Match) -> str:
    digits = sum(character.isdigit() for character in code[0])
    return "[number]" if digits >= LEAST_DIGITS else code[0]


def _parts(names: Iterable[str]) -> list[str]:
    """Whole names and their words, the longest first."""
    found = {part for name in names for part in (name.strip(), *name.split())}
    return sorted((each for each in found if len(each) >= LEAST_NAME), key=len, reverse=True)


def _named(name: str) -> re.Pattern:
    """Whole words in Latin letters; Chinese has no spaces around a name."""
    before = r"(?<![^\W_])" if name[0].isascii() else ""
    after = r"(?![^\W_])" if name[-1].isascii() else ""
    return re.compile(f"{before}{re.escape(name)}{after}", re.IGNORECASE)
