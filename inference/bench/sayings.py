"""Short messages of the kind that visitors write again and again, in English and Chinese."""

from collections.abc import Sequence
from functools import cache
from itertools import product
from random import Random

ENGLISH = (
    ("", "hi, ", "hello, ", "hey, ", "please, ", "sorry, ", "quick question: ", "again: "),
    (
        "where is my order",
        "where is my parcel",
        "when will it arrive",
        "can I return this",
        "how do I return it",
        "I want a refund",
        "where is my refund",
        "can I cancel my order",
        "I want to change my address",
        "do you ship abroad",
        "what does shipping cost",
        "my code does not work",
        "I cannot log in",
        "I forgot my password",
        "it arrived broken",
        "I got the wrong size",
        "is it in stock",
        "can I pay by invoice",
        "I was charged twice",
        "can I talk to a person",
        "this is the third time I ask",
        "nobody answers me",
        "you were very helpful",
        "that solved it",
    ),
    ("", "?", "!", " please", " thanks"),
)
CHINESE = (
    ("", "你好，", "请问，", "麻烦问一下，"),
    (
        "我的订单在哪里",
        "什么时候发货",
        "可以退货吗",
        "怎么退款",
        "我要改地址",
        "优惠码用不了",
        "收到的是坏的",
        "尺码不对",
        "还有货吗",
        "我要找人工客服",
        "等了好几天了",
        "太谢谢了",
    ),
    ("", "？", "！", "，谢谢"),
)
SINGLE = ("hi", "hello", "thanks", "thank you", "ok", "yes", "no", "great", "谢谢", "好的", "在吗")
SPELLINGS = (str, str.capitalize, lambda text: f"{text} ", lambda text: text.replace(" ", "  "))


@cache
def sayings() -> tuple[str, ...]:
    """Over a thousand different messages, the shortest first."""
    made = ("".join(parts) for group in (ENGLISH, CHINESE) for parts in product(*group))
    return tuple(sorted((*SINGLE, *made), key=lambda text: (len(text), text)))


def replayed(known: Sequence[str], count: int, seed: int, exponent: float) -> list[str]:
    """So many messages as they come in: the one of rank r as often as r ** -exponent says.

    The same words come in several spellings. Zipf 1949, "Human Behavior and the Principle of
    Least Effort".
    """
    random = Random(seed)
    weights = [rank**-exponent for rank in range(1, len(known) + 1)]
    drawn = random.choices(known, weights, k=count)
    return [random.choice(SPELLINGS)(text) for text in drawn]


def different(count: int, seed: int) -> list[str]:
    """So many messages of which no two are the same, in no order."""
    known = sayings()
    made = [
        known[number % len(known)] + f" (order {number})" * (number >= len(known))
        for number in range(count)
    ]
    Random(seed).shuffle(made)
    return made
