"""Labelled files: what is read, and what is refused with a line that says why."""

import csv
import gzip
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.evaluation.labelled import DataError, read

MOODS = ("Positive", "Neutral", "Negative")
GOOD = "text,label\nThanks!,Positive\nSo bad,Negative\n"


@pytest.fixture
def file(tmp_path):
    """Writes a file of these bytes or this text and gives its path."""

    def write(content, name="judged.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def pairs(path):
    return [(example.text, example.label) for example in read(path, MOODS)]


def test_texts_and_labels_come_in_order(file):
    assert pairs(file(GOOD)) == [("Thanks!", "Positive"), ("So bad", "Negative")]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(GOOD.encode()),
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("text,label", " Text , LABEL"),
        GOOD.replace("Negative", " nEGATIVE "),
        "id,label,text\n1,Positive,Thanks!\n2,Negative,So bad\n",
    ],
    ids=["gzip", "byte order mark", "CRLF", "blank lines", "names", "case", "other columns"],
)
def test_the_usual_ways_to_write_it_read_the_same(file, content):
    assert pairs(file(content)) == pairs(file(GOOD, "plain.csv"))


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
            str.strip
        ),
        min_size=2,
        max_size=9,
    )
)
def test_any_text_survives(tmp_path_factory, texts):
    rows = [(text, MOODS[number % 3]) for number, text in enumerate(texts)]
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(written.getvalue().encode())
    assert pairs(path) == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"text,label\n", "no row below the names"),
        (b"text;label\na;Positive\n", "no column 'text'.* is 'text;label'"),
        (b"text,mood\na,Positive\n", "no column 'label'"),
        (b'{"text": "a", "label": "b"}', "no column 'text'"),
        (b"text,label\na,Positive\nb,angry\n", "row 3 .*'angry'.*Positive, Neutral, Negative"),
        (b"text,label\na,\n", "row 2 has the label ''"),
        (b"text,label\n ,Positive\n", "row 2 has no text"),
        (b"text,label\na, b,Positive\n", "row 2 has 3 values for 2 columns"),
        (b"text,label\na\n", "row 2 has 1 values for 2 columns"),
        (b"text,label\na,Positive\nb,positive\n", "every label is Positive"),
        (b"text,label,Text\na,Positive,b\n", "more than one column 'text'"),
        (b'text,label\n"a,Positive\n', "line 2 is not CSV"),
        (b"text,label\na,Positive\nb\0,Negative\n", "not text: a NUL byte in line 3"),
        (b"text,label\na,Positive\n\xff,Negative\n", "not UTF-8.* line 3"),
        (GOOD.encode("utf-16"), "not text: a NUL byte in line 1"),
        (GOOD.encode("gb2312") + "好,Neutral\n".encode("gb2312"), "not UTF-8.* line 4"),
        (gzip.compress(GOOD.encode())[:-9], "cannot be read: Compressed file ended"),
        (gzip.compress(b"", mtime=0)[:10] + b"\xff" * 40, "cannot be read: .*invalid block type"),
        (b"\x1f\x8bnot packed at all", "cannot be read: Unknown compression method"),
    ],
)
def test_what_cannot_be_judged_on_is_explained_in_one_line(file, content, words):
    path = file(content)
    with pytest.raises(DataError, match=words) as refused:
        read(path, MOODS)
    assert re.match(rf"{re.escape(str(path))}\b.*\.$", str(refused.value))


def test_a_value_that_no_message_can_be_is_refused_with_its_line(file):
    path = file("text,label\na,Positive\n" + "b" * 200_000 + ",Negative\n")
    with pytest.raises(DataError, match="line 3 is not CSV: field larger than"):
        read(path, MOODS)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read: No such file"):
        read(tmp_path / "absent.csv", MOODS)
    with pytest.raises(DataError, match="Is a directory"):
        read(tmp_path, MOODS)


def test_a_file_that_is_called_gz_and_is_plain_reads_as_what_it_is(file):
    assert pairs(file(GOOD, "judged.csv.gz")) == pairs(file(GOOD))
    with pytest.raises(DataError, match="no column 'text'"):
        pairs(file("not packed at all", "judged.csv.gz"))


def test_labels_that_differ_in_case_only_stay_apart(file):
    path = file("text,label\na,high\nb,High\nc,HIGH\n")
    assert [each.label for each in read(path, ("High", "high"))][:2] == ["high", "High"]
