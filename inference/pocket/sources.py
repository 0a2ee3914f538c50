"""The files of public corpora that a training may be given, and what is read from them."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from inference.pocket import rated, wordnet
from inference.pocket.corpora import Corpora, Opinion
from inference.pocket.wordnet import Meaning

LABELS = {"1": "Negative", "2": "Neutral", "3": "Positive"}  # GoEmotions, grouped; 0 is ambiguous
STARS = {1: "Negative", 2: "Negative", 4: "Positive", 5: "Positive"}  # 3 stars say neither
GOEMOTIONS, GOEMOTIONS_DEV = "goemotions_train.tsv.gz", "goemotions_dev.tsv.gz"
ASAP, ASAP_DEV = "asap_train_sample.csv.gz", "asap_dev_sample.csv.gz"
BANKING = "banking77_train.csv.gz"
JUDGED = "judged.tsv.gz"  # as `judge_corpora` writes it
VADER, PATTERN = "vader_lexicon.txt", "en-sentiment.xml"
WORDNET = ("data.adj", "data.adv", "data.verb", "data.noun")
_CLEAR = 0.4  # polarity from where on an example of WordNet's has a mood
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


class CorpusError(ValueError):
    """A corpus file cannot be read; the message names the file."""


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
    if (folder / JUDGED).is_file():
        corpora.judged = _rows(folder / JUDGED, _judged)
        corpora.names.append(JUDGED)
        corpora.train.pop("goemotions", None)  # its comments are among them
    _add_wordnet(corpora, folder)
    if not corpora.names:
        files = ", ".join([*(source[2] for source in _SOURCES), JUDGED, *WORDNET])
        raise CorpusError(f"--data must hold at least one of {files}: {folder} holds none.")
    return corpora


class Comments(NamedTuple):
    """Comments for a judge: `rows` with the share of each of `LABELS`, of which the last `rated`
    were told by many people, and those whose labels are several or none."""

    rows: list[tuple[str, tuple[float, ...]]]
    rated: int
    unclear: list[str]


def comments(folder: Path) -> Comments:
    """The comments of `folder`: GoEmotions' and the rated texts of VADER's authors.

    Raises:
        CorpusError: there are none, or a file is damaged.
    """
    labelled, unclear, told = [], [], []
    if (folder / GOEMOTIONS).is_file():
        for text, label in _rows(folder / GOEMOTIONS, _comments):
            if label in LABELS:
                labelled.append((text, tuple(float(label == each) for each in LABELS)))
            else:
                unclear.append(text)
    for texts, ratings in rated.files(folder):
        shares = dict(_rows(ratings, rated.ratings))
        told += [(text, shares[key]) for key, text in _rows(texts, rated.texts) if key in shares]
    if len(labelled) + len(told) < 2:
        raise CorpusError(
            f"{folder} holds no comments to judge: {GOEMOTIONS}, or VADER's rated texts, "
            f"{' or '.join(rated.names())}."
        )
    return Comments(labelled + told, len(told), unclear)


def _add_wordnet(corpora: Corpora, folder: Path) -> None:
    """What words mean; and where pattern's adjectives are given, what those near them judge."""
    read: list[Meaning] = []
    for file in WORDNET:
        if (folder / file).is_file():
            read += _rows(folder / file, wordnet.read)
            corpora.names.append(file)
    corpora.meanings = list(wordnet.explained(read))
    if not read or "pattern" not in corpora.train:
        return
    known = dict(_rows(folder / PATTERN, _pattern_meanings))
    spread = wordnet.polarities(read, known)
    adjectives = [each for each in read if each.key[0] == "a"]
    words = [(word, _sign(polarity)) for word, polarity in wordnet.judging(adjectives, spread)]
    phrases = [
        (phrase, _sign(spread[each.key]))
        for each in adjectives
        if abs(spread.get(each.key, 0.0)) >= _CLEAR
        for phrase in each.examples
    ]
    corpora.train |= {
        name: rows for name, rows in (("wordnet", words), ("phrases", phrases)) if rows
    }


def _sign(polarity: float) -> str:
    return "Positive" if polarity > 0 else "Negative"


_UNREADABLE = (
    OSError, EOFError, zlib.error, UnicodeDecodeError, KeyError, ValueError, IndexError, TypeError,
    csv.Error, ElementTree.ParseError,
)  # fmt: skip


def _rows(path: Path, reader) -> list:
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
    yield from ((text, LABELS[label]) for text, label in _comments(file) if label in LABELS)


def _comments(file) -> Iterator[tuple[str, str]]:
    for line in file:
        text, labels, *_ = line.rstrip("\n").split("\t")
        if text.strip():
            yield text, labels


def _judged(file) -> Iterator[Opinion]:
    for line in file:
        text, *shares = line.rstrip("\n").split("\t")
        told = dict(zip(LABELS.values(), map(float, shares), strict=True))
        if not abs(sum(told.values()) - 1) < 0.01:
            raise ValueError(f"shares of {sum(told.values())} in all: {text}")
        yield Opinion(text, max(told, key=told.__getitem__), told)


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


def _pattern_meanings(file) -> Iterator[tuple[str, float]]:
    """The polarity of each of WordNet's adjectives that was rated: the mean of its words'."""
    found: dict[str, list[float]] = {}
    for word in ElementTree.parse(file).iter("word"):
        if key := word.get("wordnet_id"):
            found.setdefault(key.replace("-", ""), []).append(float(word.get("polarity")))
    yield from ((key, sum(ratings) / len(ratings)) for key, ratings in found.items())


_SOURCES = (
    ("goemotions", "train", GOEMOTIONS, _goemotions),
    ("goemotions", "dev", GOEMOTIONS_DEV, _goemotions),
    ("asap", "train", ASAP, _asap),
    ("asap", "dev", ASAP_DEV, _asap),
    ("banking77", "train", BANKING, _banking77),
    ("vader", "train", VADER, _vader),
    ("pattern", "train", PATTERN, _pattern),
)
