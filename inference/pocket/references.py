"""What customers add to any request: a number, a name, an address or a code; and how it comes back.

A template tells where facts stand in one kind of request. Added to all of them, a fact is repeated
because it was said and not because of the words around it. The words are in
`grammar/<language>/references.txt`.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

_NUMBERED = ("orders", "money", "bookings", "telecom", "software", "account", "service")
_WEIGHTS = {"order": 6, "name": 4, "email": 1.5, "phone": 0.7}
_CODES = {"code": 8}  # beside them, where the matter is an error message
_ASKED = {  # what a reply does not ask for that repeats the fact
    "order": r"\bnumber\b|which (order|booking|reservation)|[单编]号|号码|哪个订单|<asknum>",
    "name": r"\bname\b|call you|名字|姓名|称呼|您叫",
    "email": r"e-?mail|邮箱|邮件|<askmail>",
    "phone": r"\bnumber\b|phone|电话|手机号|号码|<asknum>",
    "code": r"(which|what|exact) (code|message|text)|原文|什么提示|哪个提示",
}
_STRAY = 0.3  # share of requests with a fact that hold another number, which no reply repeats
_STOPS = {"en": (". ", ". ", ", ", " - ", " "), "zh": ("，", "，", "。", " ")}
_GAPS = {"en": " ", "zh": ""}

Say = Callable[[str], str]  # expands a template


@dataclass(frozen=True)
class Reference:
    """One kind of fact, named as in `Facts`, beside one request and in its reply."""

    fact: str
    language: str

    def beside(self, text: str, say: Say, rng: random.Random) -> str:
        """The request with the fact before or after it, and maybe a number that is of no matter."""
        if rng.random() < _STRAY:
            text = self._with_stray(text, say, rng)
        if rng.random() < 0.5:
            return say(f"<{self.fact}_first>") + _GAPS[self.language] + text
        return self._joined(text, say(f"<{self.fact}_last>"), rng)

    def _with_stray(self, text: str, say: Say, rng: random.Random) -> str:
        parts = [text, say("<stray>")]
        if rng.random() < 0.3:
            parts.reverse()
        return self._joined(*parts, rng)

    def _joined(self, first: str, second: str, rng: random.Random) -> str:
        return first.rstrip(".。") + rng.choice(_STOPS[self.language]) + second

    def fits(self, answer: str) -> bool:
        """Whether the template of a reply does not ask for what was given."""
        return not re.search(_ASKED[self.fact], answer, re.IGNORECASE)

    def repeated(self, reply: str, say: Say, rng: random.Random) -> str:
        """The reply with the fact before it, or after it where that may be."""
        gap = _GAPS[self.language]
        if self.fact != "name" and reply[-1:] not in "?？" and rng.random() < 0.5:
            return reply + gap + say(f"<{self.fact}_closed>")
        return say(f"<{self.fact}_opened>") + gap + reply


def draw(rng: random.Random, language: str, topic: str, intent: str) -> Reference:
    """A fact that may stand beside a request of that intent."""
    weights = dict(_WEIGHTS) if topic in _NUMBERED else {"name": 1}
    if intent == "error_message":
        weights |= _CODES
    return Reference(rng.choices(tuple(weights), tuple(weights.values()))[0], language)


def noun(topic: str) -> str:
    """The lexicon of what numbers belong to in that topic."""
    return f"noun_{topic}" if topic in _NUMBERED[:-1] else "noun"
