"""A customer and the assistant: what the one writes, and the reply that fits it."""

import random
import re

from inference import presets
from inference.pocket import grammar, labelling, noise, references
from inference.pocket.dialogue import Conversation, Turn, fitting
from inference.pocket.facts import Facts
from inference.pocket.grammar import Exchange, Grammar
from inference.pocket.references import Reference

FOLLOWS = ("order_follow", "any_follow")  # intents that never open an episode
_NOTED = ("email", "phone", "code")  # where no answer of an exchange repeats them
_EPISODE = (
    "order",
    "order2",
    "product",
    "product2",
    "amount",
    "date",
    "n",
    "n2",
    "weekday",
    "city",
    "noun",
    "code",
)
_ISSUES = ("orders", "money", "account")  # topics that people get angry about
_REFERRED = 0.45  # share of openings beside which stands a number or a name
_THINNED = 0.1  # share of openings without a fact that lack some words
_GUIDED = 0.12  # share of angry turns whose reply was told so
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SORRY = re.compile(
    r"(i'?m |i am |we'?re |)(so |very |really |truly |)(sorry|hear you)|i (fully |)understand"
    r"|you have|that('s| sounds| is)? not how|.{0,8}(抱歉|对不起|理解|明白)",
    re.IGNORECASE,
)
_OFFER = re.compile(r"person|colleague|team|人工|同事|真人")
_FREQUENT = {
    "order_status": 8, "late_delivery": 3, "refund": 3, "cancel_order": 3, "complaint": 4,
    "angry_about_order": 4, "greeting": 3, "thanks": 2, "praise": 2, "human": 2, "unclear": 2,
    "return_item": 2, "damaged_item": 2, "login": 2, "delivery_time": 2,
}  # fmt: skip


class Speaker:
    """A customer of one language and what has been said so far."""

    def __init__(self, rng: random.Random, language: str, bot: str):
        self.rng, self.language = rng, language
        self.book: Grammar = grammar.load(language)
        self.facts = Facts(rng, language, lambda name: rng.choice(self.book.lexicons[name]))
        self.facts["bot"] = bot
        self.known = {"bot"}

    def episode(self, told: Conversation, length: int) -> None:
        """One matter: an opening and a few messages that follow it."""
        self._forget()
        name = self._intent()
        openings = self._openings(name)
        opening = self.rng.choices(openings, [len(each.asks) for each in openings])[0]
        self._turn(told, name, opening, opens=True)
        after = list(opening.then)
        while len(told.turns) < length and (more := self._follow(name, after)):
            self._turn(told, *more)
            if more[1] in after:
                after.remove(more[1])

    def recall(self, told: Conversation) -> None:
        """Ask for the name that was given, maybe long ago; nothing where none was."""
        if "name" not in self.known:
            return
        after = [each for opening in self.book.intents["name"].openings for each in opening.then]
        asked = [each for each in after if all("name" in answer.facts for answer in each.answers)]
        self._turn(told, "name", self.rng.choice(asked))

    def quote(self, told: Conversation, text: str, intent: str) -> None:
        """A question in somebody else's words, with a reply that needs no fact from it."""
        openings = self.book.intents[intent].openings
        exchange = next(e for e in openings if any(not a.facts for a in e.answers))
        told.turns.append(Turn(text, self._reply(exchange, set(), False), intent, self.language))

    def _forget(self) -> None:
        for name in _EPISODE:
            self.facts.pop(name, None)
            self.known.discard(name)

    def _intent(self) -> str:
        names = [name for name in self.book.intents if name not in FOLLOWS]
        return self.rng.choices(names, [_FREQUENT.get(name, 1) for name in names])[0]

    def _openings(self, name: str) -> list[Exchange]:
        """A bare number tells no language, so it opens English conversations only."""
        openings = self.book.intents[name].openings
        if self.language == "en":
            return openings
        return [each for each in openings if any(_HAN.search(ask.text) for ask in each.asks)]

    def _follow(self, name: str, after: list[Exchange]) -> tuple[str, Exchange] | None:
        """What is said next on the matter, or None when it is time for another one."""
        fit = [each for each in after if self._answerable(each)]
        if fit and self.rng.random() < 0.75:  # mostly what was asked for, a number above all
            return name, fit[0] if self.rng.random() < 0.7 else self.rng.choice(fit[:3])
        if self.rng.random() < 0.5:
            return None
        of_order, of_any = FOLLOWS
        names, weights = ("thanks", of_any, of_order), (1, 3, 4 * ("order" in self.known))
        follow = self.rng.choices(names, weights)[0]
        return follow, self.rng.choice(self.book.intents[follow].openings)

    def _answerable(self, exchange: Exchange) -> bool:
        if "order" in self.known and all(each.unknown_order for each in exchange.answers):
            return False
        given = "name" in self.known or any("{name}" in ask.text for ask in exchange.asks)
        return given or not all("name" in each.facts for each in exchange.answers)

    def _turn(
        self, told: Conversation, intent: str, exchange: Exchange, opens: bool = False
    ) -> None:
        ask = self.rng.choice(exchange.asks)
        text, said = self._say(ask.text)
        while opens and self.language == "zh" and not _HAN.search(text):  # language unknown
            ask = self.rng.choice(exchange.asks)
            text, said = self._say(ask.text)
        issue = self.book.intents[intent].topic in _ISSUES
        upset = opens and issue and ask.mood == "Neutral" and self.rng.random() < 0.1
        self.known |= said
        reference = self._reference(intent, exchange, said) if opens else None
        if reference:
            said.add(reference.fact)
            self.known.add(reference.fact)
        reply = self._reply(exchange, said, upset, reference)
        if upset:
            text = self._with_anger(text)
        elif opens and intent != "greeting":
            text = self._wrapped(text)
            if not said and self.rng.random() < _THINNED:
                text = noise.thinned(text, self.rng)
        mood = "Negative" if upset else ask.mood
        guidance, reply = self._guided(intent, mood, reply)
        if reference:
            text, reply = self._referred(reference, text, reply)
        reply = self._noted(said, text, reply)
        text = noise.typed(text, self.language, self.rng, self.facts.fixed(), mood)
        source = labelling.Source(
            frozenset((self.language,)), self.book.intents[intent].topic, intent, mood
        )
        found = labelling.labels(text, source)
        told.turns.append(Turn(text, reply, intent, self.language, found, guidance))
        if "order2" in said:
            self.facts["order"] = self.facts.pop("order2")
            self.known.discard("order2")

    def _expanded(self, template: str) -> str:
        return self._say(template)[0]

    def _say(self, template: str) -> tuple[str, set[str]]:
        """The expanded template, and the facts that it names."""
        self.facts.named.clear()
        text = self.book.expand(template, self.rng, self.facts)
        return text, set(self.facts.named)

    def _reference(self, intent: str, exchange: Exchange, said: set[str]) -> Reference | None:
        """Now and then a fact to put beside the request, where a reply does not ask for it."""
        if self.rng.random() >= _REFERRED:
            return None
        topic = self.book.intents[intent].topic
        reference = references.draw(self.rng, self.language, topic, intent)
        answers = fitting(exchange, self.known, said)
        if reference.fact in self.known or not any(reference.fits(a.text) for a in answers):
            return None
        self.facts["noun"] = self.rng.choice(self.book.lexicons[references.noun(topic)])
        return reference

    def _referred(self, reference: Reference, text: str, reply: str) -> tuple[str, str]:
        """The request with the fact and the reply that repeats it, if it does not already."""
        fact = self.facts[reference.fact]
        if fact not in text:
            text = reference.beside(text, self._expanded, self.rng)
        if fact not in reply:
            reply = reference.repeated(reply, self._expanded, self.rng)
        return text, noise.sentence(reply) if self.language == "en" else reply

    def _noted(self, said: set[str], text: str, reply: str) -> str:
        """The reply with the address or the number that its template leaves out."""
        for fact in _NOTED:
            if fact in said and self.facts[fact] in text and self.facts[fact] not in reply:
                reply = Reference(fact, self.language).repeated(reply, self._expanded, self.rng)
        return reply

    def _reply(
        self,
        exchange: Exchange,
        said: set[str],
        upset: bool,
        reference: Reference | None = None,
    ) -> str:
        answers = fitting(exchange, self.known, said)
        if reference:
            answers = [each for each in answers if reference.fits(each.text)] or answers
        repeats = [1 + 4 * len(said & answer.facts) for answer in answers]
        answer = self.rng.choices(answers, repeats)[0].text
        text = self._say(answer)[0]
        if upset and not _SORRY.match(text):
            text = self._say("<ack>")[0] + (" " if self.language == "en" else "") + text
        return noise.sentence(text) if self.language == "en" else text

    def _guided(self, intent: str, mood: str | None, reply: str) -> tuple[str | None, str]:
        """Now and then a reply that follows what the labels of the message tell it."""
        if self.rng.random() >= _GUIDED:
            return None, reply
        if intent == "human" and mood == "Neutral":
            return presets.PERSON_GUIDANCE, self._say("<handover>")[0]
        if mood != "Negative":
            return None, reply
        gap = " " if self.language == "en" else ""
        if not _SORRY.match(reply):
            reply = self._say("<ack>")[0] + gap + reply
        if not _OFFER.search(reply):
            reply += gap + self._say("<offer>")[0]
        return presets.UPSET_GUIDANCE, reply

    def _with_anger(self, text: str) -> str:
        anger = self._say(self.rng.choice(("<upset>", "<service_bad>", "<upset>")))[0]
        if self.language == "zh":
            return self.rng.choice((f"{anger}，{text}", f"{text.rstrip('？')}，{anger}"))
        first = text if text.endswith(("?", "!")) else text + "."
        return self.rng.choice((f"{anger}. {text}", f"{anger}! {text}", f"{first} {anger}"))

    def _wrapped(self, text: str) -> str:
        """With a greeting, a lead or a tail around it, or as it is."""
        chance, chinese = self.rng.random(), self.language == "zh"
        if chance < 0.2:
            return (
                self._say("<hello>")[0] + (self.rng.choice("，， ！") if chinese else ", ") + text
            )
        if chance < 0.3:
            return self._say("<lead>")[0] + ("" if chinese else " ") + text
        if chance < 0.42:
            gap = "，" if chinese else self.rng.choice((", ", ". ", " "))
            gap = (" " if not chinese else "") if text[-1:] in "?？!！" else gap
            return text + gap + self._say("<tail>")[0]
        return text
