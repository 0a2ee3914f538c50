"""Text piece by piece: whole characters, and together the same as decoding at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from inference.detokenizer import Detokenizer
from tests.inference import tiny


@pytest.fixture(scope="module")
def fast():
    return tiny.tokenizer()


@pytest.fixture(scope="module")
def spaced():
    """A decoder like Llama's: bytes as fallback, and the first space of a text is dropped."""
    words = ["▁", "▁Hello", "▁you", "x", "<unk>"]
    vocabulary = {word: n for n, word in enumerate(words + [f"<0x{n:02X}>" for n in range(256)])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


def pieces(decode, ids):
    detokenizer = Detokenizer(decode)
    return [*(detokenizer.push(each) for each in ids), detokenizer.flush()]


@given(text=st.text())
def test_the_pieces_of_a_text_are_the_text(fast, text):
    ids = fast.encode(text, add_special_tokens=False)
    assert "".join(pieces(fast.decode, ids)) == fast.decode(ids).replace("\0", "")


@given(ids=st.lists(st.integers(0, 399), max_size=60))
def test_any_tokens_give_what_decoding_at_once_gives(fast, ids):
    assert "".join(pieces(fast.decode, ids)) == fast.decode(ids).replace("\0", "")


@given(
    parts=st.lists(
        st.one_of(st.sampled_from([[0], [1], [2], [3]]), st.characters(exclude_categories=["Cs"]))
    )
)
def test_leading_spaces_are_those_of_decoding_at_once(spaced, parts):
    spelled = [p if isinstance(p, list) else [5 + byte for byte in p.encode()] for p in parts]
    ids = [each for part in spelled for each in part]
    assert "".join(pieces(spaced.decode, ids)) == spaced.decode(ids).replace("\0", "")


@given(text=st.text(alphabet="é谢😀👩‍👩‍👧‍👦a ", max_size=30))
def test_no_piece_holds_half_a_character(fast, text):
    ids = fast.encode(text, add_special_tokens=False)
    assert all("\ufffd" not in piece for piece in pieces(fast.decode, ids))


def test_an_emoji_comes_with_its_last_byte(fast):
    ids = fast.encode("😀", add_special_tokens=False)
    assert len(ids) > 1
    assert pieces(fast.decode, ids) == [""] * (len(ids) - 1) + ["😀", ""]


def test_a_character_that_stays_incomplete_is_flushed_in_the_end(fast):
    ids = fast.encode("a😀", add_special_tokens=False)[:-1]
    assert pieces(fast.decode, ids)[-1] == "\ufffd"


def test_text_before_an_incomplete_character_does_not_wait(fast):
    detokenizer = Detokenizer(lambda ids: "Hello\ufffd")
    assert detokenizer.push(1) == "Hello"
