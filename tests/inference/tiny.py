"""Tiny random models in a folder, as transformers would load them: weights mean nothing."""

import json
from pathlib import Path

from inference.config import InferenceConfig

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
NOT_MARKED_SPECIAL = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
TEXT = [
    "Hello, where is my order? It should have been here on Monday.",
    "Thank you so much, you were wonderful! I am furious about this parcel.",
    "system user assistant Positive Neutral Negative support customer message answer",
    "你们的客服太差了，我要投诉。谢谢，请问我的订单在哪里？",
]
CHATML = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}"
)
# As Qwen3 does it: an empty think block opens an answer, and history forgets it.
THINKING = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{%- if m.role == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{%- endif %}"
    "{{ m.content.strip('\n') + '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}"
    "{{ '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"
)
TEMPLATES = {"qwen3": THINKING}


def build(folder: Path, architecture: str = "qwen2", seed: int = 0, **overrides) -> Path:
    """Write a tiny random chat model (config, safetensors, tokenizer) into `folder`.

    `overrides` go to the model's config, `generation={...}` to its generation config.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    generation = overrides.pop("generation", {})
    fast = tokenizer(TEMPLATES.get(architecture, CHATML))
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(description(architecture, len(fast), **overrides))
    for parameter in model.parameters():  # spread out, so that greedy choices are no ties
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    model.generation_config.eos_token_id = fast.convert_tokens_to_ids(SPECIAL[::-2])
    model.generation_config.pad_token_id = fast.pad_token_id
    for name, value in generation.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return Path(folder)


def tokenizer(template: str | None = CHATML):
    """A byte-level BPE tokenizer of about 400 entries with the ChatML tokens."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
    from tokenizers import pre_tokenizers as pre
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    base = Tokenizer(models.BPE())
    base.normalizer = normalizers.NFC()
    words = Regex(r"'s|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+")
    base.pre_tokenizer = pre.Sequence(
        [
            pre.Split(words, behavior="isolated"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    base.decoder = decoders.ByteLevel()
    alphabet = pre.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    base.train_from_iterator(TEXT, trainer)
    base.add_special_tokens([AddedToken(each, special=True) for each in SPECIAL])
    base.add_tokens([AddedToken(each, special=False) for each in NOT_MARKED_SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=base,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def configured(folder: Path, **settings) -> InferenceConfig:
    """The configuration of a folder, on one thread of the CPU."""
    return InferenceConfig(str(folder), **{"threads": 1, "device": "cpu", **settings})


def edit(folder: Path, name: str = "config.json", **changes) -> None:
    """Change keys of one of the folder's JSON files."""
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def calibrate(folder: Path, calibrations: dict) -> None:
    """Ship `calibration.json` with a model folder."""
    (folder / "calibration.json").write_text(json.dumps(calibrations))


def description(architecture: str, vocabulary: int, **overrides):
    """The transformers config of a tiny model."""
    from transformers import AutoConfig

    shape = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    return AutoConfig.for_model(architecture, **{**shape, **overrides})
