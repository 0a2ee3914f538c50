"""The made tokenizer: as many entries as asked for, and every word one token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.bench.errors import BenchError
from inference.bench.vocabulary import FIRST_WORD, SPECIAL, tokenizer, word, words
from inference.prompts import ChatPrompt
from inference.tasks import ChatMessage

ENTRIES = 5000  # words of up to three letters
MADE = tokenizer(ENTRIES)
NUMBERS = st.lists(st.integers(0, words(ENTRIES) - 1), min_size=1, max_size=30)


@given(NUMBERS)
def test_a_text_of_n_words_is_those_n_tokens_in_any_order(numbers):
    text = "".join(map(word, numbers))
    ids = MADE.encode(text, add_special_tokens=False)
    assert ids == [FIRST_WORD + number for number in numbers]
    assert MADE.decode(ids) == text


@pytest.mark.parametrize("entries", [600, ENTRIES])
def test_it_has_exactly_the_entries_asked_for(entries):
    made = tokenizer(entries)
    assert sorted(made.get_vocab().values()) == list(range(entries))
    assert made.convert_tokens_to_ids(list(SPECIAL)) == [0, 1, 2]


def test_the_largest_named_vocabulary_has_words_enough():
    everything = {word(number) for number in range(words(151936))}
    assert len(everything) == words(151936)


@given(NUMBERS, NUMBERS)
def test_the_template_costs_five_tokens_a_message_as_in_the_real_family(system, user):
    said = [("system", system), ("user", user)]
    messages = [ChatMessage(role, "".join(map(word, numbers))) for role, numbers in said]
    opening = 3  # start, "assistant" and a line end
    expected = len(system) + len(user) + 5 * 2 + opening
    assert len(ChatPrompt(MADE).encode(messages)) == expected


@pytest.mark.parametrize("entries", [0, FIRST_WORD, 10_000_000])
def test_a_vocabulary_without_words_or_beyond_them_is_refused(entries):
    with pytest.raises(BenchError, match=str(entries)):
        words(entries)
