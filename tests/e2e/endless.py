"""A model whose replies never end by themselves: gibberish until somebody stops it."""

from pathlib import Path

from tests.inference.tiny import SPECIAL, build

CONTEXT = 4096  # tokens


def build_endless(folder: Path) -> Path:
    """Write tiny random weights that never choose to end a reply.

    With the vectors of the special tokens at zero their logits are zero too, and the greatest of
    some hundred random logits is above that.
    """
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    build(folder, max_position_embeddings=CONTEXT)
    weights = load_file(folder / "model.safetensors")
    special = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(SPECIAL)
    weights["model.embed_tokens.weight"][special] = 0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
