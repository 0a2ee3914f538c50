"""What the model got wrong, as a CSV file to read in a spreadsheet: written whole or not at all."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chat.evaluation.judgement import Mistake
from chat.evaluation.replies import Verdict

LABEL_COLUMNS = ("text", "label", "said", "confidence")
REPLY_COLUMNS = ("intent", "language", "question", "reply", "wrong")
FORMULA = tuple("=+-@＝＋－＠")  # full width too: some spreadsheets calculate these as well
DIGITS = 4  # of a confidence


class MistakesError(ValueError):
    """The file cannot be written; the message is one line that names the option."""


def check(path: Path) -> None:
    """Refuse now what could not be written after the work is done. A file there stays as it is.

    Raises:
        MistakesError: a folder, a device, no folder to write in, or no right or room to write.
    """
    with _part(path):
        pass


def write_labels(path: Path, mistakes: Iterable[Mistake]) -> None:
    """One row a mistake, in their order, under LABEL_COLUMNS; the file can be judged on again.

    Raises:
        MistakesError: as in `check`; a file that was there before is untouched.
    """
    _write(path, LABEL_COLUMNS, map(_label_row, mistakes))


def write_replies(path: Path, verdicts: Iterable[Verdict]) -> None:
    """One row a reply with a fault, most faults first, under REPLY_COLUMNS.

    Raises:
        MistakesError: as in `check`; a file that was there before is untouched.
    """
    wrong = [each for each in verdicts if not each.good]
    wrong.sort(key=lambda each: len(each.faults), reverse=True)
    _write(path, REPLY_COLUMNS, map(_reply_row, wrong))


def _label_row(mistake: Mistake) -> tuple[str, ...]:
    text, label = mistake.example.text, mistake.example.label
    return text, label, mistake.said, f"{mistake.confidence:.{DIGITS}f}"


def _reply_row(verdict: Verdict) -> tuple[str, ...]:
    question = verdict.question
    asked = "\n".join(question.lines) if question.earlier else question.text
    return question.intent, question.language, asked, verdict.reply, ", ".join(verdict.faults)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with _part(path) as part:
        # Excel reads Chinese only behind a byte order mark.
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([_harmless(cell) for cell in row] for row in rows)
        os.replace(part, _place(path))


def _harmless(cell: str) -> str:
    """People's text must not become a formula; a spreadsheet hides the apostrophe."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) else cell


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """An empty file beside the one to be written, gone afterwards; every refusal in one line."""
    try:
        if problem := _problem(path):
            raise MistakesError(f"--errors {path} {problem}.")
        place = _place(path)
        part = place.with_name(f".{place.name}.part")
        try:
            part.write_text("")
            yield part
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise MistakesError(f"--errors {path} cannot be written: {error.strerror}.") from error


def _place(path: Path) -> Path:
    """Where a link leads: the file behind it is replaced, not the link."""
    return Path(os.path.realpath(path))


def _problem(path: Path) -> str | None:
    if path.is_dir():
        return "is a folder; name a file"
    if not path.parent.is_dir():
        return f"cannot be written: {path.parent} is no folder"
    if path.exists() and not path.is_file():
        return "is no ordinary file"
    if path.exists() and not os.access(path, os.W_OK):
        return "is write-protected"
    return None
