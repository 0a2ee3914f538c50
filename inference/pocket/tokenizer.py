"""A byte-level BPE tokenizer for the pocket model, trained on the text that it will read."""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from inference.prompts import CHATML

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

# One digit a token, so that numbers are copied digit by digit; one Chinese character a token, so
# that no phrase of the generator becomes a word of its own that real people never type.
_SPLIT = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{Han}|\p{N}|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})\p{L})+"
    r"| ?[^\s\p{L}\p{N}]|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train(texts: Iterable[str], vocabulary: int = 6144) -> PreTrainedTokenizerFast:
    """A fast tokenizer with the ChatML tokens and template; every byte has a token."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_SPLIT, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=vocabulary,
            min_frequency=3,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=[AddedToken(each, special=True) for each in (END_OF_TEXT, START, END)],
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END_OF_TEXT,
        chat_template=CHATML,
        clean_up_tokenization_spaces=False,
    )
