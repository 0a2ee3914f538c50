"""A tiny text-classification model in a folder: it gives every text the same probabilities."""

import math
from collections.abc import Mapping
from pathlib import Path

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "where", "is", "my", "order", "good", "bad"]
LENGTH = 16  # tokens of a text


def build(folder: Path, shares: Mapping[str, float], **config) -> Path:
    """Write a BERT classifier of these labels; `config` goes to its config.json."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification
    from transformers.utils import logging

    logging.disable_progress_bar()
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    names = dict(enumerate(shares))
    described = BertConfig(
        vocab_size=len(WORDS),
        intermediate_size=8,
        max_position_embeddings=LENGTH + 2,
        id2label=names,
        label2id={name: number for number, name in names.items()},
        **{**shape, **config},
    )
    model = BertForSequenceClassification(described)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([math.log(each) for each in shares.values()]))
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return Path(folder)


def tokenizer():
    """Whole words, between [CLS] and [SEP]."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: number for number, word in enumerate(WORDS)}
    base = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(each, numbers[each]) for each in ("[CLS]", "[SEP]")]
    base.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=base,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
    )
