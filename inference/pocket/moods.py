"""Labelled messages, written so that every label follows from the parts."""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from inference.pocket import grammar, labelling, noise
from inference.pocket.facts import Facts
from inference.pocket.labelling import Source

LABELS = ("Positive", "Neutral", "Negative")
_SHARES = (0.3, 0.36, 0.34)
_OFTEN = {"opinions": 4}  # few frames around very many words
_MARK_SHARE = 0.06  # of messages that say by themselves how urgent they are, or ask for a person
_MIXED_SHARE = 0.03  # of messages in both languages
_REVIEW_SHARE = 0.08  # of messages with a mood: whole reviews, which seldom praise or blame alone
_FITTING = {
    "Positive": (None,),
    "Neutral": labelling.MARKS,
    "Negative": ("urgent", "want_person"),
}


@dataclass(frozen=True)
class Message:
    """`labels` by task slug; a task that the parts do not settle is not in it.

    `intent` and `facts` tell what it was made of, where it is one ask of one intent.
    """

    text: str
    language: str
    labels: Mapping[str, str]
    intent: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Template:
    text: str
    mood: str | None
    topic: str
    intent: str | None = None


class Shelf:
    """The templates of one language by mood, kind and subject."""

    def __init__(self, language: str):
        book = grammar.load(language)
        asks = [
            Template(ask.text, ask.mood, intent.topic, intent.name)
            for intent in book.intents.values()
            for exchange in intent.exchanges()
            for ask in exchange.asks
        ]
        self.by_mood: dict[tuple[str, str], list[Template]] = defaultdict(list)
        self.by_subject: dict[str, dict[str, list[Template]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for each in asks:
            if each.mood:
                self.by_mood[each.mood, "asks"].append(each)
            source = Source(frozenset((language,)), each.topic, each.intent)
            if subject := labelling.topic_of(source):
                self.by_subject[subject][each.intent].append(each)
        for line in book.moods:
            template = Template(line.text, line.mood, line.topic)
            self.by_mood[line.mood, "alone"] += [template] * _OFTEN.get(line.topic, 1)
            if line.topic == "reviews":
                self.by_mood[line.mood, "reviews"].append(template)

    def of_mood(self, rng: random.Random, mood: str, kind: str | None = None) -> Template:
        share = 0.55 if mood == "Neutral" else 0.15
        kind = kind or ("asks" if rng.random() < share else "alone")
        return rng.choice(self.by_mood[mood, kind])

    def of_intent(self, rng: random.Random, intent: str | None = None) -> Template:
        """One of the intent, or of any: subjects alike, then the intents of a subject alike."""
        intents = self.by_subject[rng.choice(list(self.by_subject))]
        if intent:
            intents = next(each for each in self.by_subject.values() if intent in each)
        return rng.choice(intents[intent or rng.choice(list(intents))])


@cache
def shelf(language: str) -> Shelf:
    return Shelf(language)


def message(rng: random.Random, language: str, task: str = labelling.SENTIMENT) -> Message:
    """A message whose label for `task` is settled; its labels are drawn in fair shares."""
    while True:
        drawn = _WRITERS.get(task, _of_mood)(rng, language)
        if task in drawn.labels:
            return drawn


def _of_mood(rng: random.Random, language: str) -> Message:
    mood = rng.choices(LABELS, _SHARES)[0]
    if rng.random() < _MIXED_SHARE:
        return _mixed(rng, mood)
    if mood != "Neutral" and rng.random() < _REVIEW_SHARE:
        return _review(rng, language, mood)
    mark = rng.choice(_FITTING[mood]) if rng.random() < _MARK_SHARE else None
    return _write(rng, language, shelf(language).of_mood(rng, mood), mark)


def _of_urgency(rng: random.Random, language: str) -> Message:
    mood = rng.choices(("Neutral", "Negative", "Positive"), (0.65, 0.25, 0.1))[0]
    mark = rng.choice(_FITTING[mood]) if rng.random() < 0.5 else None
    mark = None if mark == "want_person" else mark
    return _write(rng, language, shelf(language).of_mood(rng, mood), mark)


def _of_person(rng: random.Random, language: str) -> Message:
    chance = rng.random()
    if chance < 0.25:
        return _write(rng, language, shelf(language).of_intent(rng, "human"))
    mood = rng.choices(LABELS, (0.15, 0.55, 0.3))[0]
    mark = "want_person" if chance < 0.42 and mood != "Positive" else None
    return _write(rng, language, shelf(language).of_mood(rng, mood), mark)


def _of_topic(rng: random.Random, language: str) -> Message:
    return _write(rng, language, shelf(language).of_intent(rng))


def of_intent(rng: random.Random, language: str) -> Message:
    """One ask of any intent with nothing beside it, so that `facts` are all that it names."""
    template = shelf(language).of_intent(rng)
    text, facts = _typed(rng, language, template)
    source = Source(frozenset((language,)), template.topic, template.intent, template.mood)
    return Message(text, language, labelling.labels(text, source), template.intent, facts)


def _of_language(rng: random.Random, language: str) -> Message:
    chance = rng.random()
    if chance < 0.2:
        return _mixed(rng, rng.choice(LABELS))
    if chance < 0.35:
        return _write(rng, "en", shelf("en").of_intent(rng, "other_language"))
    return _write(rng, language, shelf(language).of_mood(rng, rng.choice(LABELS)))


_WRITERS = {
    labelling.URGENCY: _of_urgency,
    labelling.WANTS_HUMAN: _of_person,
    labelling.TOPIC: _of_topic,
    labelling.LANGUAGE: _of_language,
}


def _write(
    rng: random.Random, language: str, template: Template, mark: str | None = None
) -> Message:
    """The template, maybe beside other sentences that keep its labels, as somebody typed it."""
    text = template.text
    mark = None if template.topic in labelling.LEISURE else mark
    if template.mood and template.intent != "other_language":
        text = _beside(rng, language, template)
    if mark:
        text = _join(rng, language, text, f"<{mark}>")
    text, _ = _typed(rng, language, replace(template, text=text))
    source = Source(
        frozenset((language,)),
        template.topic,
        template.intent,
        template.mood,
        frozenset((mark,) if mark else ()),
    )
    return Message(text, language, labelling.labels(text, source))


def _review(rng: random.Random, language: str, mood: str) -> Message:
    """Several sentences of reviews, at most a third of them of the other mood."""
    other = "Negative" if mood == "Positive" else "Positive"
    count = rng.randint(2, 7)
    contrary = rng.randint(0, (count - 1) // 3)
    drawn = rng.sample([other] * contrary + [mood] * (count - contrary), count)
    parts = [shelf(language).of_mood(rng, each, "reviews") for each in drawn]
    typed = [_typed(rng, language, each)[0] for each in parts]
    if language == "zh":
        text = "".join(each if each[-1:] in "。！？!?~" else each + "，" for each in typed)
    else:
        text = " ".join(each if each[-1:] in ".!?" else each + "." for each in typed)
    source = Source(frozenset((language,)), "reviews", None, mood)
    return Message(text.rstrip("，"), language, labelling.labels(text, source))


def _mixed(rng: random.Random, mood: str) -> Message:
    """A message that changes its language half way."""
    order = rng.sample(grammar.LANGUAGES, 2)
    parts = [shelf(each).of_mood(rng, mood) for each in order]
    typed = (_typed(rng, *pair) for pair in zip(order, parts, strict=True))
    halves = [text.rstrip("。.") for text, _ in typed]
    source = Source(frozenset(order), parts[0].topic, None, mood)
    text = rng.choice((" ", ", ", "，", "。", ". ")).join(halves)
    return Message(text, order[0], labelling.labels(text, source))


def _typed(rng: random.Random, language: str, template: Template) -> tuple[str, Mapping[str, str]]:
    """The template as somebody typed it, and the facts that it names."""
    book = grammar.load(language)
    facts = Facts(rng, language, lambda name: rng.choice(book.lexicons[name]))
    facts["bot"] = "Mia"
    text = book.expand(template.text, rng, facts)
    named = {name: facts[name] for name in facts.named}
    return noise.typed(text, language, rng, facts.fixed(), template.mood), named


def _beside(rng: random.Random, language: str, template: Template) -> str:
    """One template alone, or with a sentence before or after it that changes no label."""
    text, mood, chance = template.text, template.mood, rng.random()
    own, hello = shelf(language), "<hello>" + ("，" if language == "zh" else ", ")
    if mood == "Neutral":
        if chance < 0.1:
            return hello + text
        if chance < 0.22:
            return _join(rng, language, text, "<tail>")
        if chance < 0.3:
            return f"<lead> {text}" if language == "en" else f"<lead>{text}"
        return text
    if chance < 0.05:
        return hello + text
    if template.topic in labelling.LEISURE:
        other = own.of_mood(rng, mood, "alone").text
        return _join(rng, language, text, other) if chance < 0.15 else text
    if chance < 0.2:
        return _join(rng, language, own.of_mood(rng, "Neutral", "asks").text, text)
    if chance < 0.27:
        return _join(rng, language, text, own.of_mood(rng, "Neutral", "asks").text)
    if chance < 0.37:
        return _join(rng, language, text, own.of_mood(rng, mood).text)
    return text


def _join(rng: random.Random, language: str, first: str, second: str) -> str:
    if language == "zh":
        return first.rstrip("。！？ ") + rng.choice("，，。！ ") + second
    if first.endswith(("?", "!", "?]")):
        return f"{first} {second}"
    return first + rng.choice((". ", ". ", ", ", "! ", " - ", " and ", "... ")) + second
