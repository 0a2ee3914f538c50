"""Public corpora that a training may add to the generated data, where their files are given."""

import csv
import gzip
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from inference.pocket import adjectives

LABELS = {"1": "Negative", "2": "Neutral", "3": "Positive"}  # GoEmotions, grouped; 0 is ambiguous
STARS = {1: "Negative", 2: "Negative", 4: "Positive", 5: "Positive"}  # 3 stars say neither

GOEMOTIONS, GOEMOTIONS_DEV = "goemotions_train.tsv.gz", "goemotions_dev.tsv.gz"
ASAP, ASAP_DEV = "asap_train_sample.csv.gz", "asap_dev_sample.csv.gz"
BANKING = "banking77_train.csv.gz"
VADER, PATTERN = "vader_lexicon.txt", "en-sentiment.xml"
_THINNED, _LOWERED = 0.3, 0.15  # shares of quoted messages
_NAMED = 0.5  # share of them with a name where the corpus has a mask: logs have either


class CorpusError(ValueError):
    """A corpus file cannot be read; the message names the file."""


@dataclass
class Corpora:
    """Labelled messages by source; empty without `--data`. `names` are the files in use."""

    names: list[str] = field(default_factory=list)
    train: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    dev: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    questions: list[tuple[str, str]] = field(default_factory=list)  # text, intent
    _by_label: dict[str, dict[str, list[str]]] = field(default_factory=dict, repr=False)

    def texts(self) -> Iterator[str]:
        for rows in self.train.values():
            yield from (text for text, _ in rows)

    def question(self, rng: random.Random) -> tuple[str, str] | None:
        """A real customer's question and the intent that it stands for, or None."""
        if not self.questions or rng.random() >= QUESTION_SHARE:
            return None
        return rng.choice(self.questions)

    def opinion(self, rng: random.Random) -> tuple[str, str] | None:
        """A labelled message of a corpus, or None where a generated one is due."""
        chance = rng.random()
        for name, share in SHARES.items():
            if name in self.train and chance < share:
                return self._listed(rng, name) if name in LISTS else self._quoted(rng, name)
            chance -= share
        return None

    def _quoted(self, rng: random.Random, name: str) -> tuple[str, str]:
        """A message, now and then with words missing: few rows are read many times."""
        text, label = rng.choice(self.train[name])
        if rng.random() < _NAMED:
            text = text.replace("[NAME]", "Alex").replace("[RELIGION]", "Buddhist")
        if rng.random() < _THINNED and text.isascii():
            kept = [word for word in text.split() if rng.random() > 0.1]
            text = " ".join(kept) or text
        return (text.lower() if rng.random() < _LOWERED else text), label

    def _listed(self, rng: random.Random, name: str) -> tuple[str, str]:
        words = self.by_label(name)
        if name == "pattern":
            return adjectives.judgement(rng, words)
        label = rng.choice(tuple(words))
        drawn = rng.sample(words[label], min(len(words[label]), rng.choice((1, 1, 2, 3, 4))))
        return rng.choice((" ", ", ", " and ")).join(drawn), label

    def by_label(self, name: str) -> dict[str, list[str]]:
        """The texts of a source by label."""
        if name not in self._by_label:
            found = self._by_label.setdefault(name, {})
            for text, label in self.train[name]:
                found.setdefault(label, []).append(text)
        return self._by_label[name]


SHARES = {"goemotions": 0.42, "asap": 0.03, "banking77": 0.03, "vader": 0.03, "pattern": 0.09}
QUESTION_SHARE = 0.12  # of conversations
LISTS = ("vader", "pattern")  # words, not messages: a few of one label make one example
INTENTS = {
    "late_delivery": ("card_arrival",),
    "refund": ("request_refund",),
    "refund_status": ("Refund_not_showing_up",),
    "payment_failed": (
        "declined_card_payment", "declined_transfer", "failed_transfer", "top_up_failed",
        "card_not_working", "virtual_card_not_working", "pending_card_payment",
    ),
    "double_charge": (
        "transaction_charged_twice", "extra_charge_on_statement", "card_payment_not_recognised",
        "direct_debit_payment_not_recognised", "card_payment_fee_charged",
    ),
    "account_security": ("compromised_card", "lost_or_stolen_card", "lost_or_stolen_phone"),
    "delete_account": ("terminate_account",),
    "password": ("passcode_forgotten",),
    "login": ("pin_blocked", "unable_to_verify_identity"),
    "change_email": ("edit_personal_details",),
}  # fmt: skip
_INTENT_OF = {category: intent for intent, names in INTENTS.items() for category in names}


def read(folder: Path | None) -> Corpora:
    """The corpora whose files lie in `folder`; unknown files are left alone.

    Raises:
        CorpusError: the folder is missing or holds none of the files, or one is damaged.
    """
    corpora = Corpora()
    if folder is None:
        return corpora
    if not folder.is_dir():
        raise CorpusError(f"--data must be a folder with corpus files: {folder} is none.")
    for name, kind, file, reader in _SOURCES:
        path = folder / file
        if path.is_file():
            getattr(corpora, kind)[name] = _rows(path, reader)
            corpora.names.append(file)
    if "banking77" in corpora.train:
        corpora.questions = _rows(folder / BANKING, _banking77_intents)
    if not corpora.names:
        files = ", ".join(source[2] for source in _SOURCES)
        raise CorpusError(f"--data must hold at least one of {files}: {folder} holds none.")
    return corpora


_UNREADABLE = (
    OSError, EOFError, zlib.error, UnicodeDecodeError, KeyError, ValueError, TypeError, csv.Error,
    ElementTree.ParseError,
)  # fmt: skip


def _rows(path: Path, reader) -> list[tuple[str, str]]:
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = list(reader(file))
    except _UNREADABLE as error:
        raise CorpusError(f"{path} is not a readable corpus file: {error!r}") from error
    if not rows:
        raise CorpusError(f"{path} has no usable row.")
    return rows


def _goemotions(file) -> Iterator[tuple[str, str]]:
    for line in file:
        text, labels, *_ = line.rstrip("\n").split("\t")
        if labels in LABELS:
            yield text, LABELS[labels]


def _asap(file) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(file):
        stars = round(float(row["star"]))
        if stars in STARS:
            text = row["reviewbody"].replace("\\n", "\n")
            yield text[:300], STARS[stars]


def _banking77(file) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(file):
        yield row["text"].strip(), "Neutral"


def _banking77_intents(file) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(file):
        if row["category"] in _INTENT_OF:
            yield row["text"].strip(), _INTENT_OF[row["category"]]


def _vader(file) -> Iterator[tuple[str, str]]:
    """Words of Hutto & Gilbert 2014 by mean rating from -4 to 4; weak ones are left out."""
    for line in file:
        word, rating, *_ = line.split("\t")
        if abs(float(rating)) >= 1:
            yield word, "Positive" if float(rating) > 0 else "Negative"


def _pattern(file) -> Iterator[tuple[str, str]]:
    """Adjectives of De Smedt & Daelemans 2012 by polarity from -1 to 1, where senses agree.

    Neutral are those that say nothing of the speaker: neither polar nor subjective.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for word in ElementTree.parse(file).iter("word"):
        if word.get("pos") == "JJ":
            rated = float(word.get("polarity")), float(word.get("subjectivity"))
            found.setdefault(word.get("form"), []).append(rated)
    for form, ratings in found.items():
        polarities = [polarity for polarity, _ in ratings]
        if min(polarities) >= 0.2 or max(polarities) <= -0.2:
            yield form.replace("_", " "), "Positive" if polarities[0] > 0 else "Negative"
        elif all(polarity == 0 and subjectivity <= 0.1 for polarity, subjectivity in ratings):
            yield form.replace("_", " "), "Neutral"


_SOURCES = (
    ("goemotions", "train", GOEMOTIONS, _goemotions),
    ("goemotions", "dev", GOEMOTIONS_DEV, _goemotions),
    ("asap", "train", ASAP, _asap),
    ("asap", "dev", ASAP_DEV, _asap),
    ("banking77", "train", BANKING, _banking77),
    ("vader", "train", VADER, _vader),
    ("pattern", "train", PATTERN, _pattern),
)
