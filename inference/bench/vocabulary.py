"""A byte-level tokenizer of any size whose words are one token each, wherever they stand.

So a text of n words is n tokens, and what a model writes is read again as the same tokens: a
prompt has exactly the length that a measurement asks for. Words are a space and one to four
letters, merged from left to right; no digits, which the family's own pre-tokenizer sets apart.
"""

from itertools import chain, islice, product
from string import ascii_letters

from inference.bench.errors import BenchError
from inference.prompts import CHATML

END_OF_TEXT, START, END = SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
ROLES = ("system", "user", "assistant")
LETTERS = ascii_letters
LONGEST = 4  # letters of a word
BYTES = 256
# Ids up to here are no words: special tokens, single bytes, the pieces of the roles' names.
FIRST_WORD = len(SPECIAL) + BYTES + sum(len(role) - 1 for role in ROLES)
_SPACE = "Ġ"  # how byte-level tokenizers spell a space


def word(number: int) -> str:
    """The word of that number, with the space before it; its id is FIRST_WORD + number."""
    length = 1
    while number >= len(LETTERS) ** length:
        number -= len(LETTERS) ** length
        length += 1
    letters = []
    for _ in range(length):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return " " + "".join(reversed(letters))


def words(vocabulary: int) -> int:
    """How many words a vocabulary of so many ids has.

    Raises:
        BenchError: it has none, or more ids than there are words of four letters.
    """
    count = vocabulary - FIRST_WORD
    if not 0 < count <= sum(len(LETTERS) ** length for length in range(1, LONGEST + 1)):
        raise BenchError(f"A vocabulary of {vocabulary} entries cannot be made.")
    return count


def tokenizer(vocabulary: int):
    """A fast tokenizer with exactly `vocabulary` entries, the ChatML tokens and template."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    entries, merges = _entries(vocabulary)
    base = Tokenizer(models.BPE(vocab={each: n for n, each in enumerate(entries)}, merges=merges))
    base.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(" ", behavior="merged_with_next"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    base.decoder = decoders.ByteLevel()
    base.add_special_tokens([AddedToken(each, special=True) for each in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=base,
        eos_token=END,
        pad_token=END_OF_TEXT,
        chat_template=CHATML,
        clean_up_tokenization_spaces=False,
    )


def _entries(vocabulary: int) -> tuple[list[str], list[tuple[str, str]]]:
    """The vocabulary in the order of its ids, and the merges in the order of their ranks."""
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelled = islice(_spelled(), words(vocabulary))
    word_merges = [(spelling[:-1], spelling[-1]) for spelling in spelled]
    # Behind the words: " sys" is a word of its own and must not become a piece of a role's name.
    role_merges = [(role[:end], role[end]) for role in ROLES for end in range(1, len(role))]
    pieces = ["".join(pair) for pair in chain(role_merges, word_merges)]
    return [*SPECIAL, *alphabet, *pieces], word_merges + role_merges


def _spelled():
    for length in range(1, LONGEST + 1):
        for letters in product(LETTERS, repeat=length):
            yield _SPACE + "".join(letters)
