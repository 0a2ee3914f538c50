"""A model whose replies never end by themselves: gibberish until somebody stops it."""

from pathlib import Path

from tests.inference.tiny import build

CONTEXT = 4096  # tokens
LAYERS = 24  # enough that a thousand tokens take seconds


def build_endless(folder: Path) -> Path:
    """Write tiny random weights that never choose to end a reply.

    Every token but those of plain letters has a logit of zero, and the greatest of some hundred
    random logits is above that: no special token, and no half of a character either.
    """
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    shape = {"num_hidden_layers": LAYERS, "max_position_embeddings": CONTEXT}
    build(folder, tie_word_embeddings=False, **shape)
    weights = load_file(folder / "model.safetensors")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    letters = [tokenizer.decode([each]).strip().isalpha() for each in range(len(tokenizer))]
    plain = [tokenizer.decode([each]).isascii() for each in range(len(tokenizer))]
    silent = [not (a and b) for a, b in zip(letters, plain, strict=True)]
    weights["lm_head.weight"][silent] = 0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
