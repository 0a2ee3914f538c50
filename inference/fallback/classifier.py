"""A text-classification model of transformers. Importing this loads neither; `load` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.fallback.config import FallbackConfig
from inference.folder import (
    check_safetensors,
    folder_name,
    model_folder,
    problem,
    read_json,
    weight_files,
    weights_digest,
)

SEQUENCE = "ForSequenceClassification"
THREADS = 1  # of its own: more would wait for the engine's at every matrix product
USUAL_LENGTH = 512  # tokens, where neither the tokenizer nor the model says
UNWRITTEN = {"0": "LABEL_0", "1": "LABEL_1"}  # transformers leaves these out of config.json
BOTH_ENDS = 2  # positions that some architectures keep for themselves


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier; one thread at a time may ask it."""

    model_id: str  # name@revision
    labels: tuple[str, ...]
    model: Any
    tokenizer: Any
    length: int  # tokens of a text; the rest is cut off

    def shares(self, text: str) -> list[float]:
        """The probability of each label. What people typed never becomes a special token."""
        import torch

        ids = self.tokenizer(
            text,
            truncation=True,
            max_length=self.length,
            split_special_tokens=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            return self.model(**ids).logits[0].float().softmax(-1).tolist()


def check_folder(config: FallbackConfig) -> tuple[str, ...] | None:
    """The labels of a folder's model, once it looks right; None for a hub name. Without torch.

    Raises:
        ModelError: missing, corrupt, not in safetensors, or no classifier.
    """
    folder = model_folder(config)
    if folder is None:
        return None
    described = read_json(config, folder / "config.json")
    for file in weight_files(config, folder):
        check_safetensors(config, file)
    return _checked(config, described, _written_labels(config, described))


def load(config: FallbackConfig) -> Classifier:
    """Load the configured classifier, on the CPU.

    Raises:
        ModelError: it cannot be loaded or used; the message names the setting.
    """
    check_folder(config)
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(THREADS)  # counts in this thread only
    model, report = _from_pretrained(
        transformers.AutoModelForSequenceClassification,
        config,
        dtype=torch.float32,
        use_safetensors=True,
        output_loading_info=True,
    )
    if report["missing_keys"]:  # a head of random numbers would decide
        raise problem(config, f"lacks weights, {min(report['missing_keys'])} first")
    tokenizer = _from_pretrained(transformers.AutoTokenizer, config)
    described = model.config.to_dict()
    names = [model.config.id2label[number] for number in range(model.config.num_labels)]
    labels = _checked(config, described, names)
    length = _length(tokenizer, model.config)
    return Classifier(_model_id(config, model.config), labels, model.eval(), tokenizer, length)


def _written_labels(config: FallbackConfig, described: dict) -> list[str]:
    names = described.get("id2label") or UNWRITTEN
    if not isinstance(names, dict) or not all(key.isdecimal() for key in names):
        raise problem(config, "has an id2label of another form in its config.json")
    return [str(names[key]) for key in sorted(names, key=int)]


def _checked(config: FallbackConfig, described: dict, labels: Sequence[str]) -> tuple[str, ...]:
    kinds = described.get("architectures") or []
    if kinds and not any(kind.endswith(SEQUENCE) for kind in kinds):
        raise problem(config, f"is no text-classification model ({', '.join(kinds)})")
    if described.get("problem_type") in ("regression", "multi_label_classification"):
        raise problem(config, f"does not choose one label ({described['problem_type']})")
    if len(labels) == 1:
        raise problem(config, "has one label only")
    return tuple(labels)


def _from_pretrained(kind, config: FallbackConfig, **options):
    """One of transformers' loaders, never with code from the model's folder."""
    folder = model_folder(config)
    where = {} if folder else {"revision": config.revision}
    try:
        return kind.from_pretrained(
            folder or config.model, trust_remote_code=False, **where, **options
        )
    except Exception as error:  # it raises almost anything for a bad folder or no network
        lines = str(error).strip().splitlines() or ["no reason given"]
        said = f"{type(error).__name__}: {lines[0]}".rstrip(".")
        raise problem(config, f"cannot be loaded: {said}") from error


def _length(tokenizer, described) -> int:
    positions = getattr(described, "max_position_embeddings", None) or USUAL_LENGTH + BOTH_ENDS
    return min(tokenizer.model_max_length, positions - BOTH_ENDS)


def _model_id(config: FallbackConfig, described) -> str:
    folder: Path | None = model_folder(config)
    if folder:
        return f"{folder_name(folder)}@{weights_digest(config, folder)}"
    commit = getattr(described, "_commit_hash", None)
    return f"{config.model}@{commit[:8] if commit else config.revision}"
