"""Public corpora are read where they are given, and refused in one clear line."""

import gzip
import random

import pytest

from inference.pocket import sources


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / sources.GOEMOTIONS, "so good\t3\ta\nboth\t1,3\tb\nunclear\t0\tc\nbad\t1\td\n")
    write(tmp_path / sources.ASAP, "\ufeffreviewbody,star\n好吃,5.0\n一般,3.0\n难吃,1.0\n")
    write(tmp_path / sources.BANKING, "text,category\nWhere is it?,card_arrival\nHm?,age_limit\n")
    return tmp_path


def test_only_rows_with_one_clear_label_are_used(folder):
    read = sources.read(folder)
    assert read.train["goemotions"] == [("so good", "Positive"), ("bad", "Negative")]
    assert read.train["asap"] == [("好吃", "Positive"), ("难吃", "Negative")]


def test_masked_names_are_read_as_masks_and_as_names(tmp_path):
    write(tmp_path / sources.GOEMOTIONS, "[NAME] was so kind\t3\ta\n")
    read, rng = sources.read(tmp_path), random.Random(1)
    words = {drawn[0].split()[0] for _ in range(300) if (drawn := read.opinion(rng))}
    assert {"[NAME]", "Alex"} <= words


def test_real_questions_stand_for_an_intent(folder):
    assert sources.read(folder).questions == [("Where is it?", "late_delivery")]


ADJECTIVES = """<sentiment>
<word form="dull" pos="JJ" polarity="-0.4" subjectivity="0.5"/>
<word form="cold" pos="JJ" polarity="-0.6" subjectivity="1.0"/>
<word form="cold" pos="JJ" polarity="0.1" subjectivity="0.4"/>
<word form="kind" pos="JJ" polarity="0.6" subjectivity="0.9"/>
<word form="wooden" pos="JJ" polarity="0.0" subjectivity="0.0"/>
<word form="gladly" pos="RB" polarity="0.6" subjectivity="0.9"/>
</sentiment>"""


def test_a_list_of_words_becomes_examples_of_a_few_words(tmp_path):
    (tmp_path / sources.VADER).write_text("great\t3.1\t0.7\nmeh\t-0.3\t1\nvile\t-3\t0.5\n", "utf-8")
    read = sources.read(tmp_path)
    assert read.train["vader"] == [("great", "Positive"), ("vile", "Negative")]
    rng = random.Random(1)
    drawn = {each[:2] for _ in range(500) if (each := read.opinion(rng))}
    assert drawn == {("great", "Positive"), ("vile", "Negative")}


def test_adjectives_whose_senses_agree_become_judgements(tmp_path):
    (tmp_path / sources.PATTERN).write_text(ADJECTIVES, "utf-8")
    read, rng = sources.read(tmp_path), random.Random(1)
    assert dict(read.train["pattern"]) == {
        "dull": "Negative", "kind": "Positive", "wooden": "Neutral",
    }  # fmt: skip
    drawn = [each[:2] for _ in range(9000) if (each := read.opinion(rng))]
    assert {label for text, label in drawn if "dull" in text} == {"Negative"}
    assert {label for text, label in drawn if "wooden" in text} == {"Neutral"}
    assert {label for text, label in drawn if "kind" in text} == {"Positive", "Negative"}
    assert ("hardly kind", "Negative") in drawn
    assert ("so kind", "Positive") in drawn


def test_without_a_folder_everything_is_generated():
    rng = random.Random(1)
    empty = sources.read(None)
    assert all(empty.opinion(rng) is None and empty.question(rng) is None for _ in range(50))


def test_test_and_judging_files_are_never_read(folder):
    for name in ("goemotions_test.tsv.gz", "eval_en_reviews.csv.gz", "asap_test_sample.csv.gz"):
        write(folder / name, "not even the right columns")
    assert sources.read(folder).names == [sources.GOEMOTIONS, sources.ASAP, sources.BANKING]


@pytest.mark.parametrize("text", ["reviewbody,stars\nx,5\n", "", "reviewbody,star\nx,many\n"])
def test_a_damaged_corpus_is_named(tmp_path, text):
    write(tmp_path / sources.ASAP, text)
    with pytest.raises(sources.CorpusError, match=sources.ASAP):
        sources.read(tmp_path)


def test_a_corpus_that_was_damaged_in_the_middle_is_named(tmp_path):
    packed = bytearray(gzip.compress(b"so good\t3\ta\n" * 500))
    packed[20:40] = b"\xff" * 20
    (tmp_path / sources.GOEMOTIONS).write_bytes(packed)
    with pytest.raises(sources.CorpusError, match=sources.GOEMOTIONS):
        sources.read(tmp_path)


def test_a_folder_without_any_corpus_is_refused(tmp_path):
    with pytest.raises(sources.CorpusError, match="--data must hold at least one of"):
        sources.read(tmp_path)
    with pytest.raises(sources.CorpusError, match="--data must be a folder"):
        sources.read(tmp_path / "missing")
