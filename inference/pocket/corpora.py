"""What a training draws from public corpora, beside the generated data."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.pocket import adjectives, augmenting
from inference.pocket.judge import FOLDS, Judges

_THINNED, _LOWERED, _DOUBLED = 0.4, 0.15, 0.12  # shares of quoted messages
_JUDGED = 0.6  # weight of the judge's opinion beside the label's, where a source has one
_SPLICED = 0.4  # share of a judged source's messages that are made of two, and only judged
_NAMED = 0.5  # share of them with a name where the corpus has a mask: logs have either
SHARES = {  # of messages; those of a source that is not given are generated
    "judged": 0.34, "goemotions": 0.3, "asap": 0.006, "banking77": 0.03, "vader": 0.03,
    "pattern": 0.05, "wordnet": 0.05, "phrases": 0.04,
}  # fmt: skip
QUESTION_SHARE = 0.12  # of conversations
ADJECTIVES = ("pattern", "wordnet")
LISTS = ("vader", *ADJECTIVES)  # words, not messages: a few of one label make one example


class Opinion(NamedTuple):
    """A message and its label; `shares`, where a judge was heard too, weigh all labels."""

    text: str
    label: str
    shares: Mapping[str, float] | None = None

    def among(self, names: Collection[str]) -> "Opinion":
        """The same where a task knows only these labels, of which one is its own."""
        if not self.shares:
            return self
        known = {name: self.shares[name] for name in names if name in self.shares}
        return self._replace(shares={name: p / sum(known.values()) for name, p in known.items()})


@dataclass
class Corpora:
    """Labelled messages by source; empty without `--data`. `names` are the files in use."""

    names: list[str] = field(default_factory=list)
    train: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    dev: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    questions: list[tuple[str, str]] = field(default_factory=list)  # text, intent
    meanings: list[tuple[str, str]] = field(default_factory=list)  # word, definition
    judged: list[Opinion] = field(default_factory=list)  # by an encoder, in shares
    judges: dict[str, Judges] = field(default_factory=dict)  # by source
    _by_label: dict[str, dict[str, list[str]]] = field(default_factory=dict, repr=False)

    def texts(self) -> Iterator[str]:
        for rows in self.train.values():
            yield from (text for text, _ in rows)
        yield from (each.text for each in self.judged)
        yield from map(" ".join, self.meanings)

    def question(self, rng: random.Random) -> tuple[str, str] | None:
        """A real customer's question and the intent that it stands for, or None."""
        if not self.questions or rng.random() >= QUESTION_SHARE:
            return None
        return rng.choice(self.questions)

    def opinion(self, rng: random.Random) -> Opinion | None:
        """A labelled message of a corpus, or None where a generated one is due."""
        chance = rng.random()
        for name, share in SHARES.items():
            if name not in self.train and not (name == "judged" and self.judged):
                continue
            if chance < share:
                return self._drawn(rng, name)
            chance -= share
        return None

    def _drawn(self, rng: random.Random, name: str) -> Opinion:
        if name == "judged":
            drawn = rng.choice(self.judged)
            return drawn._replace(text=_varied(rng, drawn.text))
        return self._listed(rng, name) if name in LISTS else self._quoted(rng, name)

    def judge(self, name: str, coming: Callable[[int], None] = lambda _: None) -> None:
        """Let linear judges tell the labels of a source as well, each from its other rows.

        `coming` hears the number of each judge before it is fitted: of `FOLDS`, which take a while.
        """
        rows = self.train[name]
        if len(rows) >= FOLDS:
            self.judges[name] = Judges(rows, sorted({label for _, label in rows}), coming)

    def _quoted(self, rng: random.Random, name: str) -> Opinion:
        """A message, now and then with words missing or, where its label is all that is known of
        it, before another one of that label: few rows are read many times."""
        rows, judges = self.train[name], self.judges.get(name)
        number = rng.randrange(len(rows))
        if judges and rng.random() < _SPLICED:
            return self._spliced(rng, name, number)
        text, label = rows[number]
        if not judges and rng.random() < _DOUBLED:
            text = f"{text} {rng.choice(self.by_label(name)[label])}"
        if rng.random() < _THINNED and text.isascii():
            text = augmenting.thinned(rng, text)
        text = _varied(rng, text)
        return Opinion(text, label, judges and _shared(label, judges.shares(text, number)))

    def _spliced(self, rng: random.Random, name: str, number: int) -> Opinion:
        """A message spliced with another one that the same judge has not read."""
        rows, judges = self.train[name], self.judges[name]
        other = rng.randrange(len(rows) // FOLDS) * FOLDS + number % FOLDS
        text = _varied(rng, augmenting.spliced(rng, rows[number][0], rows[other][0]))
        shares = judges.shares(text, number)
        return Opinion(text, max(shares, key=shares.__getitem__), shares)

    def _listed(self, rng: random.Random, name: str) -> Opinion:
        words = self.by_label(name)
        if name in ADJECTIVES:
            return Opinion(*adjectives.judgement(rng, words))
        label = rng.choice(tuple(words))
        drawn = rng.sample(words[label], min(len(words[label]), rng.choice((1, 1, 2, 3, 4))))
        return Opinion(rng.choice((" ", ", ", " and ")).join(drawn), label)

    def by_label(self, name: str) -> dict[str, list[str]]:
        """The texts of a source by label."""
        if name not in self._by_label:
            found = self._by_label.setdefault(name, {})
            for text, label in self.train[name]:
                found.setdefault(label, []).append(text)
        return self._by_label[name]


def _varied(rng: random.Random, text: str) -> str:
    if rng.random() < _NAMED:
        text = text.replace("[NAME]", "Alex").replace("[RELIGION]", "Buddhist")
    return text.lower() if rng.random() < _LOWERED else text


def _shared(label: str, judged: Mapping[str, float]) -> dict[str, float]:
    return {each: _JUDGED * p + (1 - _JUDGED) * (each == label) for each, p in judged.items()}
