"""WordNet's files give the meanings of words, and the moods of those near a rated one."""

import random

import pytest

from inference.pocket import recipe, sources, wordnet

# wndb(5WN): offset, file, type, words in hexadecimal, pointers, and the gloss. Synset 1 is rated
# below; 2 is similar to 1, 3 the opposite of 1, and 4 stands alone.
ADJECTIVES = """\
  1 the licence, which stands before the entries
00000001 00 a 01 dull 0 002 & 00000002 a 0000 ! 00000003 a 0101 | lacking interest; "a dull play"
00000002 00 s 02 ho-hum 0 humdrum 0 001 & 00000001 a 0000 | not challenging; "a humdrum job"
00000003 00 a 02 gripping 0 gripping_well(p) 0 000 | (of stories) holding the attention
00000004 00 a 01 wooden 0 000 | made of wood; "a wooden box"
"""
NOUNS = """\
00000005 06 n 01 kettle 0 000 | a pot for boiling water
00000006 05 n 01 otter 0 000 | an animal of rivers
"""
RATED = """<sentiment>
<word form="dull" wordnet_id="a-00000001" pos="JJ" polarity="-0.6" subjectivity="0.9"/>
</sentiment>"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data.adj").write_text(ADJECTIVES)
    (tmp_path / "data.noun").write_text(NOUNS)
    return tmp_path


def test_short_meanings_are_read_and_rare_subjects_left_out(folder):
    read = sources.read(folder)
    assert read.names == ["data.adj", "data.noun"]
    assert dict(read.meanings) == {
        "dull": "lacking interest", "gripping": "holding the attention",
        "wooden": "made of wood", "kettle": "a pot for boiling water",
    }  # fmt: skip


def test_a_rating_reaches_what_is_similar_and_turns_for_the_opposite(folder):
    (folder / sources.PATTERN).write_text(RATED)
    read = sources.read(folder)
    assert dict(read.train["wordnet"]) == {
        "dull": "Negative", "ho-hum": "Negative", "humdrum": "Negative",
        "gripping": "Positive", "gripping well": "Positive",
    }  # fmt: skip
    phrases = {"a dull play": "Negative", "a humdrum job": "Negative"}
    assert dict(read.train["phrases"]) == phrases


def test_without_ratings_no_word_has_a_mood(folder):
    assert not sources.read(folder).train


def test_nouns_beside_ratings_have_meanings_and_no_moods(tmp_path):
    (tmp_path / "data.noun").write_text(NOUNS)
    (tmp_path / sources.PATTERN).write_text(RATED)
    read, rng = sources.read(tmp_path), random.Random(1)
    assert read.meanings
    drawn = [each for _ in range(2000) if (each := read.opinion(rng))]
    assert drawn
    assert all("dull" in each.text for each in drawn)


def test_a_word_whose_meanings_disagree_has_no_mood():
    meanings = [
        wordnet.Meaning("a1", ("sharp", "keen"), (), "", (), 0),
        wordnet.Meaning("a2", ("sharp", "harsh"), (), "", (), 0),
    ]
    judged = dict(wordnet.judging(meanings, {"a1": 0.7, "a2": -0.4}))
    assert judged == {"keen": 0.7, "harsh": -0.4}


def test_a_file_that_is_none_of_wordnets_is_named(tmp_path):
    (tmp_path / "data.verb").write_text("walk: to move on foot\n")
    with pytest.raises(sources.CorpusError, match=r"data\.verb is not a readable"):
        sources.read(tmp_path)


def test_the_lesson_asks_for_meanings_and_for_words(folder):
    rng, read = random.Random(1), sources.read(folder)
    asked = {recipe.definition(rng, read) for _ in range(60)}
    assert (wordnet.PROMPT_MEANING, "kettle", "a pot for boiling water") in asked
    assert (wordnet.PROMPT_WORD, "a pot for boiling water", "kettle") in asked
