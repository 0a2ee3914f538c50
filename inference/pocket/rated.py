"""Texts that many people rated one by one: the ground truth of Hutto & Gilbert 2014 (VADER).

The film reviews of that collection are left out, since a set that this project is judged on was
drawn from them, and the newspaper editorials, whose licence is not theirs to give.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

KINDS = ("tweets", "amazonReviewSnippets")
_TEXTS, _RATINGS = "{}_GroundTruth.txt", "{}_anonDataRatings.txt"


def names() -> list[str]:
    """The files of texts, each of which needs the file of its ratings beside it."""
    return [_TEXTS.format(kind) for kind in KINDS]


def files(folder: Path) -> list[tuple[Path, Path]]:
    """The pairs of files, texts and their ratings, of which the folder holds both."""
    pairs = [(folder / _TEXTS.format(kind), folder / _RATINGS.format(kind)) for kind in KINDS]
    return [pair for pair in pairs if all(path.is_file() for path in pair)]


def ratings(file: TextIO) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """The number of each text, and the shares of its ratings that are below, at and above 0."""
    for number, _, _, each in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
        given = json.loads(each)  # -4 to 4, of at least 20 people
        counts = sum(r < 0 for r in given), given.count(0), sum(r > 0 for r in given)
        yield number, tuple(count / len(given) for count in counts)


def texts(file: TextIO) -> Iterator[tuple[str, str]]:
    """The number of each text, and the text."""
    for number, _, text in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
        if text.strip():
            yield number, text.strip()
