"""How people really type: typos, case, dropped punctuation, slang and emoji."""

import random
import re
from collections.abc import Iterable

SLANG = {
    "you": "u", "are": "r", "please": "pls", "because": "cuz", "thanks": "thx", "your": "ur",
    "i'm": "im", "don't": "dont", "can't": "cant", "didn't": "didnt", "what's": "whats",
    "where's": "wheres", "it's": "its", "isn't": "isnt", "i've": "ive", "hasn't": "hasnt",
    "haven't": "havent", "doesn't": "doesnt", "won't": "wont", "want to": "wanna",
    "going to": "gonna", "my": "ma", "order": "oder", "received": "recieved", "parcel": "parcle",
    "delivery": "delivary", "address": "adress", "account": "acount", "refund": "refound",
    "really": "realy", "definitely": "definately", "disappointed": "dissapointed",
    "terrible": "terible", "unacceptable": "unaceptable", "though": "tho", "right now": "rn",
}  # fmt: skip
HOMOPHONES = {
    "的": "地",
    "吗": "嘛",
    "在": "再",
    "收到": "受到",
    "快递": "快第",
    "订单": "定单",
    "怎么": "咋",
    "什么": "啥",
    "账": "帐",
    "登录": "登陆",
    "没有": "木有",
    "知道": "造",
    "一直": "一只",
    "已经": "以经",
    "客服": "克服",
    "发票": "发飘",
    "谢谢": "蟹蟹",
    "喜欢": "稀饭",
    "很": "狠",
    "这样": "酱紫",
}
EMOJI = {"Positive": "😊👍😍🙏❤🎉🥰😄", "Negative": "😡😠👎😤🤬💢😒🙄", "Neutral": "🤔❓🙂📦"}
_ADDRESSED = (
    "user", "support", "help", "shop", "care", "air", "mobile", "rail", "bank", "hotels", "parcels",
)  # fmt: skip
_CALLED = ("Nova", "north", "Blue", "my", "Acme", "ask", "Jet", "the", "Prime", "City")
_TAGS = (
    "fail", "service", "help", "travel", "monday", "news", "delivery", "support", "shopping",
    "weekend", "today", "customer", "app", "online",
)  # fmt: skip
_SHORTENED = "abcdefghkmnprstuvwxyzABCDEFGH3479"
_TRADITIONAL = str.maketrans(
    "们这个么时没说来会对订单货发东西还过后问请谢为麻烦钱买卖坏开关账户号码电话质气经换错误办迟费误态务员务满欢觉间",
    "們這個麼時沒說來會對訂單貨發東西還過後問請謝為麻煩錢買賣壞開關賬戶號碼電話質氣經換錯誤辦遲費誤態務員務滿歡覺間",
)


def typed(
    text: str, language: str, rng: random.Random, keep: Iterable[str], mood: str | None = None
) -> str:
    """`text` as a person may have typed it. The strings in `keep` stay as they are."""
    keep = [each for each in keep if each in text]
    text = (_typed_en if language == "en" else _typed_zh)(text, rng, keep)
    if mood and rng.random() < 0.05:
        text += rng.choice(("", " ")) + rng.choice(EMOJI[mood]) * rng.choice((1, 1, 1, 2, 3))
    return text


def thinned(text: str, rng: random.Random) -> str:
    """`text` with some words missing, or some Chinese characters; never without any."""
    chinese = re.search(r"[\u4e00-\u9fff]", text)
    parts = list(text) if chinese else text.split()
    kept = [part for part in parts if rng.random() > (0.08 if chinese else 0.15)]
    return ("" if chinese else " ").join(kept).strip() or text


def posted(text: str, rng: random.Random) -> str:
    """English as people post it in public: to an account, with a tag or a link."""
    kinds = rng.sample(("handle", "handle", "tag", "tagged", "link"), rng.choice((1, 1, 2)))
    words = text.split(" ")
    if "handle" in kinds:
        words.insert(0, _handle(rng))
        if kinds.count("handle") == 2:
            words.insert(rng.randint(1, len(words)), _handle(rng))
    if "tagged" in kinds and (long := [i for i, word in enumerate(words) if word.isalpha()]):
        at = rng.choice(long)
        words[at] = f"#{words[at]}"
    if "tag" in kinds:
        words.append(f"#{rng.choice(_TAGS)}")
    if "link" in kinds:
        words.append(
            "http://t.co/" + "".join(rng.choices("abcdefghkmnprstuvwxyzABCDEFGH3479", k=8))
        )
    return " ".join(words)


def _handle(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return "@user"
    return f"@{rng.choice(_CALLED)}{rng.choice(_ADDRESSED)}"


def sentence(text: str) -> str:
    """English as one writes it with care: capitals after full stops, a capital I."""
    text = re.sub(r"\bi\b(?!\.)", "I", text)
    return re.sub(r"(^|[.!?] )([a-z])(?![\w.]*@)", lambda m: m[1] + m[2].upper(), text)


def _typed_en(text: str, rng: random.Random, keep: list[str]) -> str:
    style = rng.random()
    if style < 0.55:
        text = sentence(text)
    elif style > 0.96:
        text = text.upper() if not any(any(map(str.islower, k)) for k in keep) else text
    if text[-1:].isalnum() and rng.random() < 0.45:
        text += rng.choice((".", ".", ".", "!", "..."))
    elif text[-1:] in "?!." and rng.random() < 0.2:
        text = text.rstrip("?!.") or text
    elif text[-1:] in "?!" and rng.random() < 0.08:
        text += text[-1] * rng.randint(1, 3)
    if rng.random() < 0.12:
        text = _slang(text, SLANG, rng, r"\b{}\b")
    if rng.random() < 0.14:
        text = _typo(text, rng, keep)
    if rng.random() < 0.05 and not any("'" in each for each in keep):
        text = text.replace("'", rng.choice(("", "’")))
    return text


def _typed_zh(text: str, rng: random.Random, keep: list[str]) -> str:
    if rng.random() < 0.2:
        mark = rng.choice((" ", "", ",", "，", "~"))
        text = re.sub(r"[，。！](?=[^0-9A-Za-z])", mark, text)  # two numbers stay two
    if text[-1:] not in "？！。?!~" and rng.random() < 0.3:
        text += rng.choice("。。！~")
    elif text[-1:] in "？！。" and rng.random() < 0.25:
        text = text.rstrip("？！。") or text
    elif text[-1:] in "？！" and rng.random() < 0.15:
        text += rng.choice((text[-1], text[-1] * 2, "！"))
    if rng.random() < 0.1:
        text = text.replace("？", "?").replace("，", ",").replace("！", "!")
    if rng.random() < 0.08 and not keep:
        text = _slang(text, HOMOPHONES, rng, "{}")
    if rng.random() < 0.04 and not keep:
        text = text.translate(_TRADITIONAL)
    return text


def _slang(text: str, table: dict[str, str], rng: random.Random, pattern: str) -> str:
    found = [each for each in table if each in text.lower()]
    for each in rng.sample(found, min(len(found), rng.randint(1, 2))):
        text = re.sub(pattern.format(re.escape(each)), table[each], text, flags=re.IGNORECASE)
    return text


def _typo(text: str, rng: random.Random, keep: list[str]) -> str:
    words = text.split(" ")
    kept = " ".join(keep)
    spots = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha() and w not in kept]
    for spot in rng.sample(spots, min(len(spots), rng.choice((1, 1, 2)))):
        words[spot] = _slip(words[spot], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    """One swapped, dropped, doubled or foreign letter, never the first."""
    at = rng.randint(1, len(word) - 2)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice("aeioursntl") + word[at + 1 :]
