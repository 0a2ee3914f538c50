"""A drill: numbers, names and addresses to repeat, one after the other.

A reply copies one number in forty tokens, so from replies alone a small model learns what may
follow "order" long before it learns to look the digits up. Here nearly every token of the answer is
copied.
"""

import random
import string

from inference.pocket import moods
from inference.pocket.facts import Facts
from inference.pocket.grammar import load

PROMPT = "Repeat the numbers, names and addresses in the message, in their order."

_ASKED = 0.5  # share of messages as customers write them; the others hold little but facts
_TANGLED = 0.3  # share of numbers of two or three digits again and again
_KINDS = ("order", "order", "order", "phone", "email", "amount", "date", "name", "name")
_REPEATED = ("order", "phone", "email", "amount", "date", "name")
_BETWEEN = {
    "en": (
        "my order", "order number", "number", "it is", "for", "about", "this is", "hello, i have",
        "please look at", "i paid", "reach me at", "the parcel", "no.", "#", "where is", "cancel",
    ),
    "zh": (
        "订单", "单号", "号码是", "我是", "关于", "请看", "联系", "付了", "快递", "帮我查", "编号",
    ),
}  # fmt: skip
_JOINTS = {"en": (", ", ". ", " and "), "zh": ("，", "。")}


def roll(rng: random.Random, language: str) -> tuple[str, str]:
    """A message that names facts between other words, and the facts in their order."""
    return _asked(rng, language) if rng.random() < _ASKED else _listed(rng, language)


def _asked(rng: random.Random, language: str) -> tuple[str, str]:
    """What a customer wrote who named something: other numbers in it are left alone."""
    while True:
        message = moods.of_intent(rng, language)
        kinds = (kind for kind in message.facts if kind.rstrip("2") in _REPEATED)
        named = {message.facts[kind] for kind in kinds}
        if named and all(message.text.count(each) == 1 for each in named):
            return message.text, " ".join(sorted(named, key=message.text.index))


def _listed(rng: random.Random, language: str) -> tuple[str, str]:
    named = [_fact(rng, language) for _ in range(rng.choice((1, 1, 2, 3, 4)))]
    gap, between = "" if language == "zh" else " ", _BETWEEN[language]
    text = rng.choice(_JOINTS[language]).join(rng.choice(between) + gap + each for each in named)
    if rng.random() < 0.4:
        text += gap + rng.choice(between)
    return text, " ".join(named)


def _fact(rng: random.Random, language: str) -> str:
    kind = rng.choice(_KINDS)
    if kind == "order" and rng.random() < _TANGLED:
        return _tangled(rng)
    names = load(language).lexicons
    return Facts(rng, language, lambda of: rng.choice(names[of]))[kind]


def _tangled(rng: random.Random) -> str:
    """A number whose next digit cannot be told from the one before, as 55838 after its 5."""
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.choice((0, 0, 2))))
    few = rng.sample(string.digits, rng.choice((2, 3)))
    return letters + "".join(rng.choices(few, k=rng.randint(4, 9)))
