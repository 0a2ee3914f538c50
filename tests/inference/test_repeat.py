"""The same words are read once: bounded, counted, never across versions or models."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models import Task
from inference.repeat import RepeatCache, normalised

SCORES = {"Good": -0.1, "Bad": -2.5}


def cache(size=3) -> RepeatCache:
    return RepeatCache(size)


def known(cache, text, version="v1", model="m1") -> bool:
    return cache.recall("mood", text, version, model) is not None


class TestWhatIsTheSame:
    @pytest.mark.parametrize(
        "text", ["Thanks!", "thanks!", "  Thanks! ", "Thanks!\n", "Ｔhanks！", "tHanks!"]
    )
    def test_spaces_case_and_wide_forms_make_no_difference(self, text):
        repeats = cache()
        repeats.remember("thanks!", "v1", "m1", SCORES)
        assert known(repeats, text)

    @pytest.mark.parametrize("text", ["THANKS!", "thanks", "thank s!", "thanks!!", "谢谢", ""])
    def test_shouting_and_other_words_do(self, text):
        repeats = cache()
        repeats.remember("thanks!", "v1", "m1", SCORES)
        assert not known(repeats, text)

    def test_another_version_or_model_does(self):
        repeats = cache()
        repeats.remember("thanks", "v1", "m1", SCORES)
        assert not known(repeats, "thanks", version="v2")
        assert not known(repeats, "thanks", model="m2")

    @given(st.text(), st.text(), st.text())
    def test_a_version_cannot_be_typed(self, text, version, model):
        repeats = cache()
        repeats.remember(text, version, model, SCORES)
        assert not known(repeats, f"{text}\0{version}", "", model)

    @given(st.text())
    def test_normalising_twice_changes_nothing_more(self, text):
        assert normalised(normalised(text)) == normalised(text)

    def test_lone_surrogates_are_words_too(self):
        repeats = cache()
        repeats.remember("\ud800", "v1", "m1", SCORES)
        assert known(repeats, "\ud800")


class TestAnAnswer:
    def test_is_an_event_of_the_part_with_the_raw_scores(self):
        repeats = cache()
        repeats.remember("thanks", "v1", "m1", SCORES)
        event = repeats.recall("mood", "thanks", "v1", "m1")
        assert (event.part, event.label, event.logprobs) == ("mood", "Good", SCORES)
        assert sum(event.probabilities.values()) == pytest.approx(1)
        assert event.confidence == event.probabilities["Good"]

    def test_stays_as_it_was_whatever_becomes_of_the_callers(self):
        repeats, scores = cache(), dict(SCORES)
        repeats.remember("thanks", "v1", "m1", scores)
        scores["Bad"] = 0.0
        assert repeats.recall("mood", "thanks", "v1", "m1").logprobs == SCORES


class TestTheBound:
    def test_forgets_what_was_not_asked_for_longest(self):
        repeats = cache(2)
        for text in ("one", "two"):
            repeats.remember(text, "v1", "m1", SCORES)
        assert known(repeats, "one")
        repeats.remember("three", "v1", "m1", SCORES)
        assert [known(repeats, text) for text in ("one", "two", "three")] == [True, False, True]

    def test_of_nothing_keeps_and_counts_nothing(self):
        repeats = cache(0)
        repeats.remember("one", "v1", "m1", SCORES)
        assert not known(repeats, "one")
        assert (repeats.counters.misses, repeats.counters.entries) == (0, 0)

    @given(
        size=st.integers(1, 4),
        steps=st.lists(st.tuples(st.booleans(), st.integers(0, 6)), max_size=60),
    )
    def test_any_order_of_asking_and_keeping_equals_a_plain_lru(self, size, steps):
        repeats, plain, hits, asked = cache(size), OrderedDict(), 0, 0
        for keeps, number in steps:
            if keeps:
                repeats.remember(f"text {number}", "v1", "m1", SCORES)
                plain[number] = True
                plain.move_to_end(number)
                while len(plain) > size:
                    plain.popitem(last=False)
                continue
            asked += 1
            hits += number in plain
            assert known(repeats, f"text {number}") == (number in plain)
            if number in plain:
                plain.move_to_end(number)
        counted = repeats.counters
        assert (counted.hits, counted.misses) == (hits, asked - hits)
        assert (counted.entries, counted.size) == (len(plain), size)


@pytest.mark.django_db
def test_versions_of_the_same_words_have_digests_of_their_own():
    task = Task.objects.get(slug="sentiment")
    first = task.current
    again = task.publish(prompt=first.prompt, labels=first.labels, context=first.context)
    assert first.digest != again.digest
    assert Task.objects.get(slug="sentiment").current.digest == again.digest
