"""Rows as text: CSV for spreadsheets, JSON lines for programs."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

# Spreadsheets run a cell that begins with one of these (OWASP, "CSV Injection"), wide ones too.
FORMULA = tuple("=+-@＝＋－＠\t\r\n")
MARK = "\ufeff"  # tells Excel that the file is UTF-8


def csv_text(columns: Iterable[str], rows: Iterable[dict], *, first: bool) -> str:
    """Rows of a CSV file, with the names of the columns above the first ones."""
    out = io.StringIO()
    writer = csv.writer(out)
    if first:
        out.write(MARK)
        writer.writerow(columns)
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def json_lines(columns: Iterable[str], rows: Iterable[dict], *, first: bool) -> str:
    """One JSON object on each line."""
    return "".join(json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows)


@dataclass(frozen=True)
class Format:
    content_type: str
    text: Callable[..., str]


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", csv_text),
    "jsonl": Format("application/jsonl; charset=utf-8", json_lines),
}


async def written(
    columns: Iterable[str], chunks: AsyncIterator[list[dict]], text: Callable[..., str]
) -> AsyncIterator[str]:
    """Chunks of rows as chunks of a file; the column names come even without any row."""
    yield text(columns, [], first=True)
    async for rows in chunks:
        yield text(columns, rows, first=False)


def _cell(value: object) -> object:
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value if value is None or isinstance(value, (int, float)) else _plain(value)
    harmless = not value.lstrip(" ").startswith(FORMULA)
    return value if harmless else f"'{value}"


def _plain(value: object) -> str:
    """A moment in UTC as ISO 8601; whatever else JSON does not know (a UUID) as text."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
