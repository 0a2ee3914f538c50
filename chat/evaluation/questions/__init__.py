"""The written questions that replies are judged on: `<language>/<subject>.txt`, line by line.

    == intent        the questions below belong to it
    ~ phrases        right below the intent: alternatives (a regular expression, case ignored) of
                     which a fitting reply holds at least one; below a question: for it alone.
                     English ones begin at a word's start
    ! phrases        below them: alternatives that no fitting reply holds, where the phrases above
                     are ones that any reply may hold ("sorry", "a colleague")
    > text           an earlier message of the visitor, before the question that follows
    < text           the assistant's reply to it
    ? text           the question
    = text           what the reply must repeat exactly, one a line, below its question
    # text           a note

They are written by hand in the way visitors write. None may come out of the pocket model's
generator (`inference/pocket/grammar/`), or the figures would tell of memory, not of skill.
"""

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from inference.tasks import ChatMessage

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh")
_WORD_START = {"en": r"\b", "zh": ""}


class QuestionError(ValueError):
    """A file of questions breaks the format; the message names the file and the line."""


@dataclass(frozen=True)
class Question:
    """What a visitor asks, and what is known of a good reply."""

    language: str  # "en" or "zh"
    intent: str
    text: str
    phrases: re.Pattern
    off_subject: re.Pattern | None = None
    earlier: tuple[ChatMessage, ...] = ()
    copied: tuple[str, ...] = ()

    def fits(self, reply: str) -> bool:
        """Whether the reply is on the subject: it holds a phrase and none that is off it."""
        reply = reply.replace("’", "'")
        off = self.off_subject is not None and self.off_subject.search(reply)
        return not off and self.phrases.search(reply) is not None

    @property
    def turns(self) -> tuple[ChatMessage, ...]:
        """The conversation up to and with the question, without a system message."""
        return (*self.earlier, ChatMessage("user", self.text))

    @property
    def lines(self) -> tuple[str, ...]:
        """The turns as a person reads them: `>` begins the visitor's, `<` the assistant's."""
        signs = {"user": ">", "assistant": "<"}
        return tuple(f"{signs[each.role]} {each.content}" for each in self.turns)


@cache
def load(folder: Path = FOLDER) -> tuple[Question, ...]:
    """Every question, English ones first.

    Raises:
        QuestionError: a line breaks the format.
    """
    paths = [path for each in LANGUAGES for path in sorted((folder / each).glob("*.txt"))]
    return tuple(question for path in paths for question in _Reader(path).read())


class _Reader:
    """Reads one file, line by line."""

    def __init__(self, path: Path):
        self.path, self.language = path, path.parent.name
        self.intent: str | None = None
        self.phrases: re.Pattern | None = None
        self.off_subject: re.Pattern | None = None
        self.asked = False  # a question of the intent has been read
        self.earlier: list[ChatMessage] = []
        self.questions: list[Question] = []

    def read(self) -> list[Question]:
        for number, line in enumerate(self.path.read_text("utf-8").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                try:
                    self._line(*line.split(maxsplit=1))
                except (KeyError, IndexError, TypeError, re.error) as error:
                    where = f"{self.path.name} line {number}"
                    raise QuestionError(f"{where} breaks the format: {line!r}") from error
        return self.questions

    def _line(self, head: str, text: str) -> None:
        readers = {
            "==": self._intent,
            "~": self._phrases,
            "!": self._off_subject,
            ">": lambda text: self.earlier.append(ChatMessage("user", text)),
            "<": lambda text: self.earlier.append(ChatMessage("assistant", text)),
            "?": self._question,
            "=": lambda text: self._amend(copied=(*self.questions[-1].copied, text)),
        }
        readers[head](text.strip())

    def _intent(self, name: str) -> None:
        self.intent, self.phrases, self.off_subject, self.asked = name, None, None, False

    def _pattern(self, text: str) -> re.Pattern:
        return re.compile(f"{_WORD_START[self.language]}(?:{text})", re.IGNORECASE)

    def _off_subject(self, text: str) -> None:
        if self.phrases is None or self.asked:
            raise KeyError("they follow an intent's phrases")
        self.off_subject = self._pattern(text)

    def _phrases(self, text: str) -> None:
        pattern = self._pattern(text)
        if self.asked:
            self._amend(phrases=pattern)
        else:
            self.phrases = pattern

    def _question(self, text: str) -> None:
        if self.phrases is None:
            raise KeyError("an intent with its phrases comes first")
        earlier, self.earlier, self.asked = tuple(self.earlier), [], True
        self.questions.append(
            Question(self.language, self.intent, text, self.phrases, self.off_subject, earlier)
        )

    def _amend(self, **changes) -> None:
        self.questions[-1] = replace(self.questions[-1], **changes)
