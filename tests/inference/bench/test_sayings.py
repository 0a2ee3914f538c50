"""Messages that come again and again: which, how often, and that they are told apart."""

from collections import Counter

from inference.bench.sayings import different, replayed, sayings
from inference.repeat import normalised


def test_no_two_of_them_are_the_same_message():
    known = sayings()
    assert len(known) > 1000
    assert len({normalised(text) for text in known}) == len(known)


def test_they_are_english_and_chinese_and_the_short_ones_come_first():
    known = sayings()
    assert list(map(len, known)) == sorted(map(len, known))
    assert {"thanks", "谢谢"} <= set(known[:100])


def test_a_replay_is_the_same_for_a_seed_and_another_for_another():
    known = sayings()[:100]
    assert replayed(known, 50, 1, 1.0) == replayed(known, 50, 1, 1.0)
    assert replayed(known, 50, 1, 1.0) != replayed(known, 50, 2, 1.0)


def test_a_message_of_rank_r_comes_as_often_as_zipf_says():
    known = sayings()[:50]
    counts = Counter(normalised(text) for text in replayed(known, 20000, 3, 1.0))
    first = counts[normalised(known[0])]
    for rank in (2, 5, 10):
        assert 0.7 < rank * counts[normalised(known[rank - 1])] / first < 1.4


def test_the_same_words_come_in_several_spellings():
    spelled = replayed(["where is my order"], 100, 1, 1.0)
    assert len(set(spelled)) > 2
    assert len(set(map(normalised, spelled))) == 1


def test_stored_messages_are_all_different_however_many():
    texts = different(3000, seed=1)
    assert len({normalised(text) for text in texts}) == 3000
    assert texts != different(3000, seed=2)
    assert sorted(texts) == sorted(different(3000, seed=2))
