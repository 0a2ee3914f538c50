"""One causal chat model with its tokenizer, from a name or a folder, ready to run.

Importing this loads neither torch nor transformers; `load` does.
"""

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.config import NUMBERS, InferenceConfig
from inference.errors import ModelError
from inference.folder import (
    check_architecture,
    check_folder,
    folder_name,
    model_folder,
    problem,
    shipped_calibrations,
    weight_files,
    weights_digest,
)
from inference.hardware import pick_device, pick_dtype, pick_threads
from inference.prompts import ChatPrompt
from inference.tasks import Affine

if TYPE_CHECKING:
    from inference.digits import Digits
    from inference.lean.model import LeanModel
    from inference.lean.plain import PlainModel
    from inference.sampling import Sampling

__all__ = ["LoadedModel", "ModelError", "check_folder", "load"]

Progress = Callable[[float, str], None]  # share done (0 to 1), and what is being done


@dataclass(frozen=True)
class LoadedModel:
    """Everything the runner needs to know."""

    model: "LeanModel | PlainModel"
    tokenizer: Any
    prompt: ChatPrompt
    config: InferenceConfig
    model_id: str  # name@revision/dtype
    device: str
    dtype: str
    stop_ids: frozenset[int]
    sampling: "Sampling"
    digits: "Digits | None"  # where a reply may hold only numbers that were said
    context: int  # tokens, prompt and answer together
    max_new_tokens: int
    calibrations: Mapping[str, Affine]  # shipped with the model, by calibration.digest


def load(config: InferenceConfig, progress: Progress = lambda share, doing: None) -> LoadedModel:
    """Load the configured model.

    Raises:
        ModelError: it cannot be loaded or used; the message names the setting.
    """
    progress(0.0, "looking at the model")
    check_folder(config)
    progress(0.05, "starting torch")
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    device = pick_device(config)
    progress(0.2, "reading the tokenizer")
    described, tokenizer = _describe(config)
    torch.set_num_threads(pick_threads(config, described))
    dtype = pick_dtype(config, device, described)
    prompt = ChatPrompt(tokenizer)
    progress(0.3, "reading the weights")
    with ThreadPoolExecutor(1) as beside:  # a digest of a gigabyte takes a second
        name = beside.submit(_model_id, config, dtype)
        module = _checkpoint(config, described, dtype, device) or _module(config, dtype, device)
        progress(0.5, "getting ready")
        return _assemble(config, module, tokenizer, prompt, name, device, dtype)


def _assemble(config, module, tokenizer, prompt, name, device, dtype) -> LoadedModel:
    from inference.digits import Digits
    from inference.sampling import Sampling

    generation = _generation(config, module.config)
    context = min(config.context, _longest_context(module.config) or config.context)
    return LoadedModel(
        model=_forward(module, dtype, config.max_running),
        tokenizer=tokenizer,
        prompt=prompt,
        config=config,
        model_id=name.result(),
        device=device,
        dtype=dtype,
        stop_ids=prompt.stop_ids | _generation_ends(generation),
        sampling=Sampling.from_generation_config(generation),
        digits=Digits(tokenizer) if _only_said(config, generation) else None,
        context=context,
        max_new_tokens=min(config.max_new_tokens, context // 2),
        calibrations=shipped_calibrations(config, model_folder(config)),
    )


def _forward(module, dtype: str, running: int) -> "LeanModel | PlainModel":
    from inference.lean.model import LeanModel
    from inference.lean.plain import PlainModel
    from inference.lean.weights import belongs

    return LeanModel(module, dtype, running) if belongs(module.config) else PlainModel(module)


def _describe(config: InferenceConfig):
    """The model's config and tokenizer, without its weights."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoTokenizer

    from inference.lean.weights import ROPE_TYPES, belongs, unknown_rope

    described = _from_pretrained(AutoConfig, config)
    check_architecture(config, described.to_dict())
    if type(described) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise problem(config, f"is no causal language model ({described.model_type})")
    if belongs(described) and (kind := unknown_rope(described)):
        known = ", ".join(ROPE_TYPES)
        raise problem(config, f"scales its positions by {kind!r} rope; supported are {known}")
    tokenizer = _from_pretrained(AutoTokenizer, config)
    if not tokenizer.is_fast:
        raise problem(config, "has no tokenizer.json (a fast tokenizer)")
    if max(tokenizer.get_vocab().values()) >= described.get_text_config().vocab_size:
        raise problem(config, "has the tokenizer of another model: more entries than embeddings")
    _let_go_of_copies(tokenizer)
    return described, tokenizer


def _let_go_of_copies(tokenizer) -> None:
    """What it was made of: for 150,000 entries 40 MB of Python objects that it never looks at."""
    for name in ("_vocab", "_merges"):
        if (copy := vars(tokenizer).get(name)) is not None:
            setattr(tokenizer, name, type(copy)())


def _checkpoint(config: InferenceConfig, described, dtype: str, device: str):
    """A model of the lean family, read without transformers' modules; None if that cannot be."""
    import torch

    from inference.lean.checkpoint import opened
    from inference.lean.weights import belongs

    if not belongs(described):
        return None
    become = None if dtype == "int8" else getattr(torch, dtype)  # int8 is made of what is stored
    return opened(described, _files(config), become, device)


def _files(config: InferenceConfig) -> list[Path]:
    """The weights' files, downloaded if need be; none where they have other names."""
    from transformers.utils import cached_file

    if folder := model_folder(config):
        return weight_files(config, folder)
    try:
        found = cached_file(config.model, "model.safetensors", revision=config.revision)
    except OSError:  # in shards, say, or not to be had: transformers looks further, and explains
        return []
    return [Path(found)]


def _generation(config: InferenceConfig, described):
    """The model's generation config; without a file, what its config says."""
    from transformers import GenerationConfig

    try:
        return _from_pretrained(GenerationConfig, config)
    except ModelError:
        return GenerationConfig.from_model_config(described)


def _only_said(config: InferenceConfig, generation) -> bool:
    """Whether a reply may hold no number but those that were said.

    Raises:
        ModelError: the model ships a value that does not exist.
    """
    shipped = getattr(generation, "numbers", "any")
    if shipped not in NUMBERS[1:]:
        raise problem(config, f"asks for numbers={shipped!r}; known are {', '.join(NUMBERS[1:])}")
    return (shipped if config.numbers == "auto" else config.numbers) == "said"


def _module(config: InferenceConfig, dtype: str, device: str):
    return _weights(config, dtype).to(device).eval()


def _weights(config: InferenceConfig, dtype: str):
    import torch
    from transformers import AutoModelForCausalLM

    model, report = _from_pretrained(
        AutoModelForCausalLM,
        config,
        dtype="auto"
        if dtype == "int8"
        else getattr(torch, dtype),  # int8 is made of what is stored
        use_safetensors=True,
        output_loading_info=True,
    )
    if "logits_to_keep" not in inspect.signature(model.forward).parameters:
        raise problem(config, f"has an architecture that is not supported ({type(model).__name__})")
    if report["missing_keys"]:  # transformers would go on with random numbers
        raise problem(config, f"lacks weights, {min(report['missing_keys'])} first")
    return model


def _from_pretrained(kind, config: InferenceConfig, **options):
    """One of transformers' loaders, never with code from the model's folder."""
    folder = model_folder(config)
    where = {} if folder else {"revision": config.revision}
    try:
        return kind.from_pretrained(
            folder or config.model, trust_remote_code=False, **where, **options
        )
    except Exception as error:  # it raises almost anything for a bad folder or no network
        raise problem(config, f"cannot be loaded: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}".rstrip(".")


def _longest_context(described) -> int | None:
    return getattr(described.get_text_config(), "max_position_embeddings", None)


def _generation_ends(generation) -> frozenset[int]:
    ends = generation.eos_token_id
    return frozenset([ends] if isinstance(ends, int) else ends or [])


def _model_id(config: InferenceConfig, dtype: str) -> str:
    """`name@revision/dtype`; the revision is what the name resolved to, or the weights' digest."""
    from transformers.utils.hub import cached_file, extract_commit_hash

    if folder := model_folder(config):
        return f"{folder_name(folder)}@{weights_digest(config, folder)}/{dtype}"
    described = cached_file(config.model, "config.json", revision=config.revision)
    commit = extract_commit_hash(described, None)
    return f"{config.model}@{commit[:8] if commit else config.revision}/{dtype}"
