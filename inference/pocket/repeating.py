"""A drill: numbers, names and addresses to repeat, one after the other.

A reply copies one number in forty tokens, so from replies alone a small model learns what may
follow "order" long before it learns to look the digits up. Here nearly every token of the answer is
copied.
"""

import random

from inference.pocket.facts import Facts
from inference.pocket.grammar import load

PROMPT = "Repeat the numbers, names and addresses in the message, in their order."

_KINDS = ("order", "order", "order", "phone", "email", "amount", "name")
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
    """A message that names one to four facts between other words, and the facts in their order."""
    named = [_fact(rng, language) for _ in range(rng.choice((1, 1, 2, 3, 4)))]
    gap, between = "" if language == "zh" else " ", _BETWEEN[language]
    text = rng.choice(_JOINTS[language]).join(rng.choice(between) + gap + each for each in named)
    if rng.random() < 0.4:
        text += gap + rng.choice(between)
    return text, " ".join(named)


def _fact(rng: random.Random, language: str) -> str:
    names = load(language).lexicons
    return Facts(rng, language, lambda of: rng.choice(names[of]))[rng.choice(_KINDS)]
