"""The trained model as a folder that transformers loads, written whole or not at all."""

import json
import shutil
from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

CARD = "README.md"
REPORT = "training.json"


def write(
    folder: Path, model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast, texts: dict[str, str]
) -> None:
    """Replace `folder` by the model in bfloat16, its tokenizer and the `texts` by file name.

    The new folder is complete before the old one goes; a model card in the old one stays.

    Raises:
        OSError: something cannot be written; the old folder is untouched.
    """
    new = folder.with_name(f".{folder.name}.new")
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        _fill(new, model, tokenizer)
        for name, text in texts.items():
            (new / name).write_text(text, "utf-8")
        if (folder / CARD).is_file():
            shutil.copy2(folder / CARD, new / CARD)
        _swap(new, folder, old)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _fill(folder: Path, model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.2,
        top_p=0.8,
        top_k=20,
        numbers="said",  # so small a model mistakes a digit now and then
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    try:
        model.to("cpu", torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # safetensors and tokenizers wrap what the disk says
        raise OSError(f"{folder}: {error}") from error


def _swap(new: Path, folder: Path, old: Path) -> None:
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def refusal(folder: Path) -> str | None:
    """Why the model must not be written to `folder`, in words; None if it may."""
    if folder.exists() and not folder.is_dir():
        return f"--out must be a folder: {folder} is a file."
    if folder.is_dir() and any(folder.iterdir()) and not _holds_model(folder):
        allowed = "--out must be a new or empty folder or hold a pocket model"
        return f"{allowed}: {folder} holds other files."
    return None


def _holds_model(folder: Path) -> bool:
    """Whether it is one of ours, for it goes whole: a config.json alone may be of any program."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    known = isinstance(config, dict) and config.get("model_type") == Qwen2Config.model_type
    return known and (folder / "model.safetensors").is_file()
