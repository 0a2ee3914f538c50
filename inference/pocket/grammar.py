"""Template grammars: intents, lexicons and labelled messages read from `grammar/<language>/*.txt`.

The text format, line by line:

    % name           a lexicon; the lines after it hold its entries, separated by `|`
    == name          an intent; the exchanges below belong to it
    ? text           what a customer writes. `?+` and `?-` mark a Positive and a Negative mood,
                     `?` a Neutral one, `?~` one that is left out of the labelled messages
    ! text           a fitting reply. `!0` fits only while no order number is known
    then:            the exchanges below follow the one above; `also:` returns to openings
    @+ / @- / @0     labelled messages that belong to no intent: one mood a section

In a text, `[a|b|]` picks one alternative (nested ones work, an empty one makes it optional),
`<name>` an entry of a lexicon, drawn anew each time, and `{fact}` a fact of the conversation, drawn
once and then repeated.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "grammar"
LANGUAGES = ("en", "zh")
MOODS = {"+": "Positive", "0": "Neutral", "-": "Negative"}

_TOKEN = re.compile(r"[\[\]|]|<\w+>|\{\w+\}|[^\[\]|<{]+|[<{]")
_FACT = re.compile(r"\{(\w+)\}")


class GrammarError(ValueError):
    """A grammar file breaks the format; the message names the file and the line."""


@dataclass(frozen=True)
class Ask:
    """One template of a customer message; `mood` is None where it stands for no clear one."""

    text: str
    mood: str | None


@dataclass(frozen=True)
class Answer:
    """One template of a reply. `unknown_order`: it asks for a number, so none may be known."""

    text: str
    unknown_order: bool

    @property
    def facts(self) -> frozenset[str]:
        return frozenset(_FACT.findall(self.text))


@dataclass
class Exchange:
    """Ways to ask one thing, ways to answer it, and what may be asked next."""

    asks: list[Ask] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    then: list["Exchange"] = field(default_factory=list)


@dataclass
class Intent:
    """What a customer may want; `topic` is the file that tells of it."""

    name: str
    topic: str
    openings: list[Exchange] = field(default_factory=list)

    def exchanges(self) -> Iterator[Exchange]:
        for opening in self.openings:
            yield opening
            yield from opening.then


@dataclass(frozen=True)
class Line:
    """A template of a labelled message that belongs to no intent; `topic` is its file."""

    text: str
    mood: str
    topic: str


@dataclass
class Grammar:
    """Everything one language's files say."""

    language: str
    lexicons: dict[str, list[str]] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    moods: list[Line] = field(default_factory=list)

    def expand(self, text: str, rng: random.Random, facts: "dict[str, str]") -> str:
        """One sentence of the template `text`; facts are looked up in `facts`.

        Raises:
            KeyError: the template names a lexicon or a fact that does not exist.
        """
        return self._render(_parse(text), rng, facts)

    def _render(self, node: tuple, rng: random.Random, facts: "dict[str, str]") -> str:
        kind, value = node
        if kind == "text":
            return value
        if kind == "choice":
            return self._render(rng.choice(value), rng, facts)
        if kind == "lexicon":
            return self.expand(rng.choice(self.lexicons[value]), rng, facts)
        if kind == "fact":
            return facts[value]
        return "".join(self._render(part, rng, facts) for part in value)


@cache
def _parse(text: str) -> tuple:
    tokens = _TOKEN.findall(text)
    node, rest = _sequence(tokens, 0)
    if rest != len(tokens):
        raise GrammarError(f"Unbalanced brackets in template: {text!r}")
    return node


def _sequence(tokens: list[str], at: int) -> tuple[tuple, int]:
    parts = []
    while at < len(tokens) and tokens[at] not in ("|", "]"):
        token = tokens[at]
        if token == "[":
            choice, at = _choice(tokens, at + 1)
            parts.append(choice)
            continue
        parts.append(_leaf(token))
        at += 1
    return ("sequence", tuple(parts)), at


def _choice(tokens: list[str], at: int) -> tuple[tuple, int]:
    options = []
    while True:
        option, at = _sequence(tokens, at)
        options.append(option)
        if at >= len(tokens):
            raise GrammarError(f"Unbalanced brackets in template: {''.join(tokens)!r}")
        if tokens[at] == "]":
            return ("choice", tuple(options)), at + 1
        at += 1


def _leaf(token: str) -> tuple:
    if len(token) > 2 and token[0] == "<":
        return "lexicon", token[1:-1]
    if len(token) > 2 and token[0] == "{":
        return "fact", token[1:-1]
    return "text", token


@cache
def load(language: str) -> Grammar:
    """The grammar of "en" or "zh".

    Raises:
        GrammarError: a file breaks the format.
    """
    grammar = Grammar(language)
    for path in sorted((FOLDER / language).glob("*.txt")):
        _Reader(grammar, path).read()
    return grammar


class _Reader:
    """Reads one file into a grammar, line by line."""

    def __init__(self, grammar: Grammar, path: Path):
        self.grammar, self.path = grammar, path
        self.lexicon: list[str] | None = None
        self.mood: str | None = None
        self.intent: Intent | None = None
        self.following = False

    def read(self) -> None:
        for number, line in enumerate(self.path.read_text("utf-8").splitlines(), 1):
            line = line.strip()
            if line and not line.startswith("#"):
                try:
                    self._line(line)
                except (KeyError, IndexError, ValueError) as error:
                    raise GrammarError(f"{self.path.name} line {number}: {line!r}") from error

    def _line(self, line: str) -> None:
        for entry in split_entries(line):  # so that a stray bracket is found here
            _parse(entry)
        if line.startswith("% "):
            self._section(lexicon=self.grammar.lexicons.setdefault(line[2:].strip(), []))
        elif line.startswith("== "):
            name = line[3:].strip()
            intent = Intent(name, topic=self.path.stem)
            self._section(intent=self.grammar.intents.setdefault(name, intent))
        elif line in ("@+", "@-", "@0"):
            self._section(mood=MOODS[line[1]])
        elif self.intent is not None:
            self._intent_line(line)
        elif self.lexicon is not None:
            self.lexicon.extend(entry for entry in split_entries(line) if entry)
        else:
            self.grammar.moods.append(Line(line, self.mood, self.path.stem))

    def _section(self, *, lexicon=None, intent=None, mood=None) -> None:
        self.lexicon, self.intent, self.mood, self.following = lexicon, intent, mood, False

    def _intent_line(self, line: str) -> None:
        if line in ("then:", "also:"):
            self.following = line == "then:"
            if self.following:
                self.intent.openings[-1].then.append(Exchange())
            return
        head, text = line.split(" ", 1)
        if head[0] == "?":
            mood = None if head[1:] == "~" else MOODS[head[1:] or "0"]
            asks = [Ask(entry, mood) for entry in split_entries(text)]
            self._exchange(fresh=True).asks.extend(asks)
        elif head in ("!", "!0"):
            self._exchange(fresh=False).answers.append(Answer(text, head == "!0"))
        else:
            raise KeyError(head)

    def _exchange(self, *, fresh: bool) -> Exchange:
        """The exchange being read; an ask after answers (`fresh`) begins the next one."""
        openings = self.intent.openings
        siblings = openings[-1].then if self.following else openings
        if fresh and (not siblings or siblings[-1].answers):
            siblings.append(Exchange())
        return siblings[-1]


def split_entries(line: str) -> list[str]:
    """Split at the `|` that stand outside brackets."""
    entries, depth, start = [], 0, 0
    for at, char in enumerate(line):
        depth += (char == "[") - (char == "]")
        if char == "|" and not depth:
            entries.append(line[start:at].strip())
            start = at + 1
    return [*entries, line[start:].strip()]
