"""A file of comments with the opinions of two encoders, each on what it has not read.

One person's label of a short comment is noisy. So two encoders are fine-tuned, each on half of the
rows, and judge the other half: as it is, with words left out, and spliced, the beginning of one row
before the end of another of the same half. A training on these shares learns what can be told from
the text (Hinton et al. 2015), and no text by heart.
"""

import gzip
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from inference.pocket import augmenting, sources
from inference.pocket.encoder import Encoder, Lesson
from inference.pocket.sources import Comments

HALVES = 2
_OWN = 0.4  # weight of a row's own label beside the encoder's opinion of the row
_THINNED = 0.25  # share of the made texts that are one row with words left out
_RATED = 0.35  # share of the made texts' pieces that come from rated texts, where there are some

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much


class Text(NamedTuple):
    """What is to be judged by the encoder that has not read its half, without one by both."""

    text: str
    half: int | None
    own: Sequence[float] | None = None  # the shares of its label or its ratings


@dataclass(frozen=True)
class Order:
    """`made` texts are made of the rows and judged beside the rows themselves."""

    made: int = 95000
    lesson: Lesson = field(default_factory=Lesson)


def judge(
    encoder: Path,
    data: Path,
    out: Path,
    order: Order = Order(),
    device: str = "cpu",
    progress: Progress = lambda *_: None,
) -> int:
    """Write `out`, gzipped lines of a text and the share of each label; returns their number.

    A run that was interrupted goes on after the last encoder that it had taught.

    Raises:
        EncoderError: the folder `encoder` holds none.
        CorpusError: `data` holds no comments with labels, or a damaged file.
        OSError: something cannot be written.
    """
    comments = sources.comments(data)
    texts = list(_texts(comments, order))
    opinions: list[list[Sequence[float]]] = [[] for _ in texts]
    school = _School(encoder, comments, order.lesson, device, progress)
    room = _room(out, encoder, comments, order)
    for half in range(HALVES):
        taught = school.taught(half, room)
        at = [number for number, each in enumerate(texts) if each.half in (half, None)]
        found = taught.judge(
            [texts[number].text for number in at], _told(progress, "judging", half)
        )
        for number, shares in zip(at, found, strict=True):
            opinions[number].append(shares)
    _write(out, map(_line, texts, opinions))
    for each in out.parent.glob(f".{out.name}.*"):  # of interrupted runs with other options, too
        shutil.rmtree(each)
    return len(texts)


@dataclass(frozen=True)
class _School:
    encoder: Path
    comments: Comments
    lesson: Lesson
    device: str
    progress: Progress

    def taught(self, half: int, room: Path) -> Encoder:
        """The encoder that has read all but this half, from the room if it was taught before."""
        kept, labels = room / str(half), len(sources.LABELS)
        if kept.exists():
            return Encoder(kept, labels, self.lesson, self.device)
        taught = Encoder(self.encoder, labels, self.lesson, self.device)
        room.mkdir(parents=True, exist_ok=True)  # before the work: it may not be allowed
        rows = [row for number, row in enumerate(self.comments.rows) if number % HALVES != half]
        taught.learn(rows, _told(self.progress, "teaching", half))
        part = room / "part"
        shutil.rmtree(part, ignore_errors=True)
        taught.save(part)
        part.rename(kept)
        return taught


def _texts(comments: Comments, order: Order) -> Iterator[Text]:
    """The rows, what is made of them, and the comments whose labels say nothing."""
    rng = random.Random(order.lesson.seed)
    for number, (text, own) in enumerate(comments.rows):
        yield Text(text, number % HALVES, own)
    for text in comments.unclear:
        yield Text(text, None)
    for _ in range(order.made):
        number = _drawn(rng, comments)
        text, own = comments.rows[number]
        if rng.random() < _THINNED:
            yield Text(augmenting.thinned(rng, text), number % HALVES, own)
            continue
        while (other := _drawn(rng, comments)) % HALVES != number % HALVES:
            pass
        yield Text(augmenting.spliced(rng, text, comments.rows[other][0]), number % HALVES)


def _drawn(rng: random.Random, comments: Comments) -> int:
    labelled = len(comments.rows) - comments.rated
    if comments.rated and (not labelled or rng.random() < _RATED):
        return labelled + rng.randrange(comments.rated)
    return rng.randrange(labelled)


def _told(progress: Progress, what: str, half: int) -> Callable[[int, int], None]:
    return lambda done, of: progress(f"{what}, {half + 1} of {HALVES}", done, of)


def _line(text: Text, opinions: Sequence[Sequence[float]]) -> str:
    shares = [sum(each) / len(opinions) for each in zip(*opinions, strict=True)]
    if text.own:
        shares = [(1 - _OWN) * p + _OWN * q for p, q in zip(shares, text.own, strict=True)]
    return "\t".join([" ".join(text.text.split()), *(f"{share:.4f}" for share in shares)]) + "\n"


def _write(out: Path, lines: Iterator[str]) -> None:
    part = out.with_suffix(".part")
    try:
        with gzip.open(part, "wt", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def _room(out: Path, encoder: Path, comments: Comments, order: Order) -> Path:
    """The folder beside `out` where taught encoders wait; another one for other options."""
    files = sorted((path.name, path.stat().st_size) for path in encoder.glob("*"))
    options = [str(encoder.resolve()), files, comments.rows, asdict(order.lesson)]
    mark = sha256(json.dumps(options).encode()).hexdigest()[:12]
    return out.with_name(f".{out.name}.{mark}")
