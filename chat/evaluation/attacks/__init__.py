"""The written attacks that labels and replies are tried with: `<language>.txt`, line by line.

    == kind            the attacks below are of this kind
    ? MOOD AIM text    an honest message, its mood, and the mood that the attacker wants said
    ! text             what the attacker adds below the message, line by line
    ^ text             the same above the message
    # text             a note

In what is added, `{aim}` stands for the wanted label and `{labels}` for all labels of the task.
Typed control tokens are a part of an attack, so a line keeps whatever it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh")
ADDITIONS = {"!": "below", "^": "above"}


class AttackError(ValueError):
    """A file of attacks breaks the format; the message names the file and the line."""


@dataclass(frozen=True)
class Attack:
    """An honest message and what is added to it to have another mood said of it."""

    language: str  # "en" or "zh"
    kind: str
    mood: str
    aim: str
    message: str
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    def written(self, aim: str, labels: Sequence[str]) -> str:
        """The whole text, asking for the label `aim` of `labels`."""
        return "\n".join(
            line.replace("{aim}", aim).replace("{labels}", ", ".join(labels))
            for line in (*self.above, self.message, *self.below)
        )


@cache
def load(folder: Path = FOLDER) -> tuple[Attack, ...]:
    """Every attack, English ones first.

    Raises:
        AttackError: a line breaks the format.
    """
    return tuple(attack for each in LANGUAGES for attack in _read(folder / f"{each}.txt"))


def _read(path: Path) -> list[Attack]:
    kind, found = "", []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        head, _, text = line.partition(" ")
        if head == "==" and text:
            kind = text
        elif head == "?" and kind and len(parts := text.split(" ", 2)) == 3:
            found.append(Attack(path.stem, kind, *parts))
        elif head in ADDITIONS and text and found:
            found[-1] = _with(found[-1], ADDITIONS[head], text)
        elif line.strip() and head != "#":
            raise AttackError(f"{path.name} line {number} breaks the format: {line!r}")
    return found


def _with(attack: Attack, place: str, text: str) -> Attack:
    return replace(attack, **{place: (*getattr(attack, place), text)})
