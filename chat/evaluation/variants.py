"""The same task in other words, and the same message among other words. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chat.evaluation import wording
from chat.evaluation.labelled import Example
from inference.models import TaskVersion
from inference.pocket.wordings import ANSWERS, PREAMBLES, listed
from inference.tasks import ChatMessage

PREAMBLE, ANSWER, ORDER, EXPLAINED, LENGTH = "preamble", "answer", "order", "explained", "length"
PLACES = ("before", "after", "around")  # of a long message's padding

_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|(?<=[。？！])")
_PADDING = {
    "en": "I am writing this on the train, so the spelling may be a little off. "
    "My account has been open for about four years. I live in a flat on the second floor, and "
    "the street is the one that runs from the station to the river. The weather is as usual for "
    "the time of the year. I use the website in the morning, and in the evening the phone. "
    "My neighbour has an account as well, with another address. This message is the only one "
    "that I am sending today.",
    "zh": "我是在火车上写这段话的，可能会有一些错字。我的账户开了大约四年。我住在二楼的一套公寓里，"
    "那条街从车站一直通到河边。最近的天气和往年这个时候差不多。我早上用网站，晚上用手机。"
    "我的邻居也有一个账户，用的是另一个地址。今天我只发这一条消息。",
}


@dataclass(frozen=True)
class Variant:
    """One change to how a version is asked: its prompt, or `place` for padded messages."""

    kind: str
    prompt: str
    place: str = ""

    def of(self, example: Example) -> Example:
        """The example as this variant shows it; its label is meant to stay the same."""
        if not self.place:
            return example
        text = padded(example.text, self.place)
        *earlier, last = example.conversation
        content = padded(last.content, self.place)
        return replace(example, text=text, turns=(*earlier, ChatMessage(last.role, content)))


def variants(version: TaskVersion) -> list[Variant]:
    """Other ways to ask for the version's labels that should make no difference.

    Other preambles and closing sentences, the labels in other orders, explained or not, and long
    messages. Nothing that the prompt says of its own is reworded, so any task can be tried.
    """
    prompts = (
        *((PREAMBLE, each) for each in _preambles(version.prompt)),
        *((ANSWER, each) for each in _answers(version.prompt, version.names)),
        *((ORDER, each) for each in _orders(version.prompt, version.names)),
        *((EXPLAINED, each) for each in _explained(version)),
    )
    seen = dict.fromkeys(each for each in prompts if each[1] != version.prompt)
    return [
        *(Variant(kind, prompt) for kind, prompt in seen),
        *(Variant(LENGTH, version.prompt, place) for place in PLACES),
    ]


def padded(text: str, place: str) -> str:
    """The text with sentences before, after or around it that hold no mood and no matter."""
    padding = _PADDING["zh" if wording.in_language(text, "zh") else "en"]
    above = padding if place in ("before", "around") else ""
    below = padding if place in ("after", "around") else ""
    return "\n".join(part for part in (above, text, below) if part)


def _preambles(prompt: str) -> Iterator[str]:
    known = next((each for each in PREAMBLES if each and prompt.startswith(each)), "")
    core = prompt.removeprefix(known)
    yield from (each + core for each in PREAMBLES)


def _answers(prompt: str, names: Sequence[str]) -> Iterator[str]:
    """Other closing sentences in place of the one that lists the labels, or behind the prompt."""
    offer = listed(names)
    kept = [each for each in _sentences(prompt) if offer not in each]
    yield from (" ".join([*kept, answer.format(offer)]) for answer in ANSWERS)


def _orders(prompt: str, names: Sequence[str]) -> Iterator[str]:
    """The labels from the last to the first, and turned by one."""
    for order in (names[::-1], (*names[1:], names[0])):
        changed = _explanations_in(order, prompt, names).replace(listed(names), listed(order))
        yield changed if changed != prompt else f"{prompt} {ANSWERS[0].format(listed(order))}"


def _explanations_in(order: Sequence[str], prompt: str, names: Sequence[str]) -> str:
    """The sentences that explain a label ("High: it cannot wait.") in another order."""
    sentences = _sentences(prompt)
    explained = {name: at for name in names if (at := _explanation(sentences, name)) is not None}
    places = sorted(explained.values())
    if len(places) < 2:
        return prompt
    moved = list(sentences)
    for place, name in zip(places, (each for each in order if each in explained), strict=True):
        moved[place] = sentences[explained[name]]
    return " ".join(moved)


def _explained(version: TaskVersion) -> Iterator[str]:
    """Without the explanations if there are any, else with the labels' descriptions in front."""
    sentences = _sentences(version.prompt)
    explaining = {_explanation(sentences, name) for name in version.names} - {None}
    if explaining:
        bare = " ".join(each for at, each in enumerate(sentences) if at not in explaining)
        offered = all(name in bare for name in version.names)
        yield bare if offered else f"{bare} {ANSWERS[0].format(listed(version.names))}"
        return
    described = [each for each in version.labels if each.get("description")]
    lines = [f"{each['name']}: {each['description'].rstrip('.').lower()}." for each in described]
    if lines:
        yield " ".join([*lines, version.prompt])


def _explanation(sentences: Sequence[str], name: str) -> int | None:
    return next((at for at, each in enumerate(sentences) if each.startswith(f"{name}:")), None)


def _sentences(prompt: str) -> list[str]:
    return [each for each in _SENTENCE_END.split(prompt) if each]
