"""Rows as text: whatever people typed comes back, and no spreadsheet runs it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.formats import FORMULA, MARK, csv_text, json_lines

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "hostile",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1+1",
        "＝1+1",
        '=HYPERLINK("http://evil.example")',
    ],
)
def test_what_a_spreadsheet_would_run_is_quoted(hostile):
    ((cell,),) = cells(csv_text(["text"], [{"text": hostile}], first=False))
    assert cell == f"'{hostile}"


def test_negative_numbers_are_no_formulas():
    assert cells(csv_text(["a"], [{"a": -0.5, "b": None}], first=False)) == [["-0.5", ""]]


@given(TEXT)
def test_text_comes_back_from_csv_and_never_begins_a_formula(text):
    ((cell, after),) = cells(csv_text([], [{"text": text, "after": "end"}], first=False))
    assert not cell.lstrip(" ").startswith(FORMULA)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert after == "end"


@given(TEXT)
def test_text_comes_back_from_json_lines_and_stays_on_its_line(text):
    written = json_lines([], [{"text": text}, {"text": "next"}], first=True)
    assert [json.loads(line)["text"] for line in written.removesuffix("\n").split("\n")] == [
        text,
        "next",
    ]


def test_moments_are_written_in_utc_and_keys_as_text():
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    key = UUID(int=7)
    row = {"moment": moment, "key": key, "shares": {"好": 0.5}}
    (line,) = cells(csv_text(list(row), [row], first=False))
    assert line == ["2026-03-28T23:30:00+00:00", str(key), '{"好": 0.5}']
    assert (
        json.loads(json_lines([], [row], first=True))["moment"]
        == moment.astimezone(UTC).isoformat()
    )


def test_excel_is_told_that_a_csv_file_is_utf_8():
    assert csv_text(["a", "b"], [], first=True) == f"{MARK}a,b\r\n"
    assert not csv_text(["a"], [{"a": 1}], first=False).startswith(MARK)
