"""WordNet (Fellbaum 1998): what English words mean, and which of them praise or blame.

The files `data.adj`, `data.adv`, `data.verb` and `data.noun` of WordNet 3.0; the format is that of
its manual page wndb(5WN).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

PROMPT_MEANING = "Say what the word means."
PROMPT_WORD = "Name the word that means this."

# How much of a meaning's polarity its neighbour has, by WordNet's pointer: similar, see also, the
# opposite, and the adjective that an adverb comes from.
_KINSHIP = {"&": 1.0, "^": 0.5, "!": -1.0, "\\": 1.0}
_FADING = 0.9  # of a polarity with every step that it is passed on
_STEPS = 4
_POLAR = 0.3  # from where on a word praises or blames
_DOUBT = 0.05  # against it that a word of several meanings may have in one of them
_SUBJECTS = {6, 10, 12, 13}  # lexicographer files of nouns: artefacts, messages, feelings, food


@dataclass(frozen=True)
class Meaning:
    """A synset: words of one meaning. `kin` are pointers as (symbol, key)."""

    key: str
    words: tuple[str, ...]
    kin: tuple[tuple[str, str], ...]
    definition: str
    examples: tuple[str, ...]
    subject: int


def read(lines: Iterable[str]) -> Iterator[Meaning]:
    """The meanings of one data file.

    Raises:
        ValueError, IndexError: a line is none of WordNet's.
    """
    for line in lines:
        if line.startswith("  "):  # the licence
            continue
        head, _, gloss = line.partition(" | ")
        offset, subject, kind, count, *rest = head.split()
        end = 2 * int(count, 16)
        words = tuple(_plain(word) for word in rest[:end:2])
        pointers = rest[end + 1 : end + 1 + 4 * int(rest[end])]
        kin = zip(pointers[0::4], map(_key, pointers[2::4], pointers[1::4]), strict=True)
        examples = tuple(re.findall(r'"([^"]+)"', gloss))
        definition = re.split(r'[;"]', re.sub(r"\([^)]*\)", "", gloss))[0].strip()
        yield Meaning(_key(kind, offset), words, tuple(kin), definition, examples, int(subject))


def _plain(word: str) -> str:
    return word.partition("(")[0].replace("_", " ")


def _key(kind: str, offset: str) -> str:
    """`kind` s is an adjective that stands near another one."""
    return kind.replace("s", "a") + offset


def polarities(meanings: Iterable[Meaning], known: Mapping[str, float]) -> dict[str, float]:
    """The polarity of each meaning, -1 to 1, where the `known` ones reach it from kin to kin."""
    near: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for each in meanings:
        for symbol, key in each.kin:
            if symbol in _KINSHIP:
                near[each.key].append((key, _KINSHIP[symbol]))
                near[key].append((each.key, _KINSHIP[symbol]))
    found = dict(known)
    for _ in range(_STEPS):
        passed = {
            key: _FADING * sum(found[other] * w for other, w in kin) / sum(abs(w) for _, w in kin)
            for key, all_kin in near.items()
            if key not in known and (kin := [each for each in all_kin if each[0] in found])
        }
        found = dict(known) | passed
    return found


def judging(
    meanings: Iterable[Meaning], polarity: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    """The words that praise or blame in whatever meaning they are used, with their polarity."""
    senses: dict[str, list[float | None]] = defaultdict(list)
    for each in meanings:
        for word in each.words:
            senses[word].append(polarity.get(each.key))
    for word, found in senses.items():
        known = [each for each in found if each is not None]
        if len(known) < 0.6 * len(found):
            continue
        mean = sum(known) / len(known)
        if abs(mean) >= _POLAR and min(each * mean for each in known) >= -_DOUBT:
            yield word, mean


def explained(meanings: Iterable[Meaning]) -> Iterator[tuple[str, str]]:
    """Words and their definitions, short ones of words that people use."""
    for each in meanings:
        if each.key[0] == "n" and each.subject not in _SUBJECTS:
            continue
        word = each.words[0]
        if word.islower() and word.isalpha() and 3 <= len(each.definition) <= 70:
            yield word, each.definition
