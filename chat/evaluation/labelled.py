"""Files of texts that people have labelled: CSV with the columns `text` and `label`."""

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.tasks import ChatMessage

TEXT, LABEL = "text", "label"
STORED = "Message"  # the kind of examples that are stored messages
GZIP = b"\x1f\x8b"  # how every gzip file begins
SHOWN = 60  # characters of a file that an error repeats


class DataError(ValueError):
    """The file cannot be judged on; the message is one line that says why and what is allowed."""


class TooFewExamples(ValueError):
    """There is too little to work on; the message is one line that says how much is needed."""


@dataclass(frozen=True)
class Example:
    """A text with the label that people gave it.

    `kind` says what `row` numbers: a file's rows as a spreadsheet counts them (1 is names), or
    stored messages. `turns` is the conversation up to and with the text; empty if it begins one.
    """

    row: int
    text: str
    label: str
    turns: tuple[ChatMessage, ...] = ()
    kind: str = "Row"

    @property
    def message(self) -> int | None:
        """Primary key of the stored message that it is, if it is one."""
        return self.row if self.kind == STORED else None

    @property
    def conversation(self) -> tuple[ChatMessage, ...]:
        """What a task sees that reads conversations, without a system message."""
        return self.turns or (ChatMessage("user", self.text),)


def read(path: Path, allowed: Collection[str]) -> list[Example]:
    """The examples of a UTF-8 CSV file, or of one packed with gzip, in their order.

    The first row names the columns; others than `text` and `label` are ignored. Labels match
    `allowed` whatever their case, and come out as they are written there.

    Raises:
        DataError: unreadable, not text, not CSV, a column or a value is missing or a column is
            there twice, a label is not allowed, no row, or all rows have the same label.
    """
    try:
        examples = list(_examples(_rows(_decoded(path)), allowed))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    used = {example.label for example in examples}
    if len(used) < 2:
        found = f"every label is {used.pop()}" if used else "there is no row below the names"
        raise DataError(f"{path}: {found}; at least two different labels are needed.")
    return examples


def _decoded(path: Path) -> str:
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw.startswith(GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error  # a broken gzip has no strerror
        raise DataError(f"cannot be read: {reason}.") from error
    if b"\0" in content:  # UTF-16, or no text at all; the product refuses it in messages too
        raise DataError(f"not text: a NUL byte in line {_line(content, content.index(0))}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line(content, error.start)
        raise DataError(f"not UTF-8: a byte in line {line} is no text.") from error


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1


def _rows(text: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(f"line {reader.line_num} is not CSV: {error}.") from error


def _examples(rows: Iterator[list[str]], allowed: Collection[str]) -> Iterator[Example]:
    names = [name.strip().casefold() for name in next(rows, [])]
    for column in (TEXT, LABEL):
        if names.count(column) != 1:
            raise DataError(_column_problem(column, names))
    spelling = {name.casefold(): name for name in allowed} | {name: name for name in allowed}
    for number, cells in enumerate(rows, start=2):
        if cells:
            yield _example(number, names, cells, spelling)


def _column_problem(column: str, names: list[str]) -> str:
    if not any(names):
        return "the file is empty; its first row must name the columns text and label."
    many = "more than one" if column in names else "no"
    found = _shown(",".join(names))
    return f"{many} column {column!r}; the first row must name text and label, but is {found}."


def _example(row: int, names: list[str], cells: list[str], spelling: dict[str, str]) -> Example:
    if len(cells) != len(names):
        problem = f"{len(cells)} values for {len(names)} columns (quote texts that hold commas)"
        raise DataError(f"row {row} has {problem}.")
    values = dict(zip(names, cells, strict=True))
    text, label = values[TEXT], values[LABEL].strip()
    if not text.strip():
        raise DataError(f"row {row} has no text.")
    known = spelling.get(label) or spelling.get(label.casefold())
    if known is None:
        allowed = ", ".join(dict.fromkeys(spelling.values()))
        raise DataError(f"row {row} has the label {_shown(label)}; allowed are {allowed}.")
    return Example(row, text, known)


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
