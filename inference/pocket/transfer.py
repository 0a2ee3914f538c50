"""Begin a training where an earlier model of the same shape stopped, with a new vocabulary."""

from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2ForCausalLM


class TransferError(ValueError):
    """The earlier model does not fit; the message says why."""


@torch.no_grad()
def transfer(start: Path, model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give `model` the layers of the model in `start`, and its embeddings as far as they go.

    A token that the old vocabulary does not have begins as the mean of the pieces that the old
    tokenizer would have made of it.

    Raises:
        TransferError: `start` holds no model of this shape.
    """
    try:
        old = Qwen2ForCausalLM.from_pretrained(start, dtype=torch.float32, local_files_only=True)
        words = AutoTokenizer.from_pretrained(start, local_files_only=True)
    except (OSError, ValueError) as error:
        raise TransferError(f"--start must be a folder with a pocket model: {error}") from error
    weights = {name: w for name, w in old.state_dict().items() if not _is_vocabulary(name)}
    try:
        unlike = model.load_state_dict(weights, strict=False)
        if unlike.unexpected_keys or not all(map(_is_vocabulary, unlike.missing_keys)):
            raise TransferError(_other_shape(start))
        model.model.embed_tokens.weight.copy_(_embeddings(old, words, tokenizer))
    except RuntimeError as error:
        raise TransferError(_other_shape(start)) from error


def _is_vocabulary(name: str) -> bool:
    """Whether a weight is of the embeddings, or of the head that is tied to them."""
    return "embed" in name or name == "lm_head.weight"


def _other_shape(start: Path) -> str:
    return f"--start holds a model of another shape: {start}"


def _embeddings(
    old: Qwen2ForCausalLM, words: PreTrainedTokenizerFast, tokenizer: PreTrainedTokenizerFast
) -> torch.Tensor:
    """Shape (new vocabulary, hidden)."""
    known, table = words.get_vocab(), old.model.embed_tokens.weight
    split = words.backend_tokenizer.model.tokenize
    rows = [
        table[known[token]]
        if token in known
        else table[[piece.id for piece in split(token)]].mean(0)
        for token in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    ]
    return torch.stack(rows)
