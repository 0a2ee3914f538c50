"""What lies in a model's folder, judged without torch: a wrong setting stops the start at once."""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from inference.config import POCKET, InferenceConfig
from inference.errors import ModelError
from inference.tasks import Affine

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
CAUSAL = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
HEADER_LIMIT = 100 << 20  # bytes; safetensors' own


class Named(Protocol):
    """What names a model, by a hub name or a folder, and how a person is told what is wrong."""

    model: str
    setting: str  # that names it
    wanted: str  # a sentence that says what is allowed


def model_folder(config: Named) -> Path | None:
    """The folder that a setting means; None if it is a hub name.

    Raises:
        ModelError: it can be neither.
    """
    path = Path(config.model).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise problem(config, "is a file, not a folder")
    if not HUB_NAME.fullmatch(config.model) or config.model.startswith("."):
        raise problem(config, "does not exist")
    return None


def check_folder(config: InferenceConfig) -> None:
    """Refuse what cannot work before anything is served; a hub name is not looked up.

    Raises:
        ModelError: the model is missing, corrupt, not in safetensors or not a causal language
            model, or its device or precision cannot be had.
    """
    _check_settings(config)
    folder = model_folder(config)
    if folder is None:
        return
    check_architecture(config, read_json(config, folder / "config.json"))
    for file in weight_files(config, folder):
        check_safetensors(config, file)
    if not any((folder / name).exists() for name in TOKENIZERS):  # transformers makes one up
        raise problem(config, f"has no {TOKENIZERS[0]}")


def _check_settings(config: InferenceConfig) -> None:
    if not DEVICE.fullmatch(config.device):
        allowed = "auto, cpu, cuda or cuda:N"
        raise ModelError(f"INFERENCE_DEVICE must be {allowed}, not {config.device!r}.")
    if config.dtype == "int8" and config.device.startswith("cuda"):
        raise ModelError(
            f"INFERENCE_DTYPE=int8 runs on the CPU only, not on INFERENCE_DEVICE={config.device}: "
            "use bfloat16 there."
        )


def check_architecture(config: InferenceConfig, description: Mapping) -> None:
    """Refuse what cannot write text, or not with this engine; `description` is config.json."""
    kinds = description.get("architectures") or []
    causal = not kinds or any(kind.endswith(CAUSAL) for kind in kinds)
    if not causal or description.get("is_encoder_decoder"):
        raise problem(config, f"is no causal language model ({', '.join(kinds)})")
    if description.get("quantization_config"):
        raise problem(config, "has quantised weights, which are not supported")


def weight_files(config: Named, folder: Path) -> list[Path]:
    """The safetensors files of a folder, sharded or not."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        shards = read_json(config, index).get("weight_map") or {}
        return [folder / name for name in sorted(set(shards.values()))]
    if (folder / "model.safetensors").exists():
        return [folder / "model.safetensors"]
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        raise problem(config, "has PyTorch weights only (.bin), which could run code when read")
    raise problem(config, "has no model.safetensors")


def folder_name(folder: Path) -> str:
    """How a folder is called in a model id."""
    return "pocket" if folder.resolve() == POCKET.resolve() else folder.resolve().name


def weights_digest(config: Named, folder: Path) -> str:
    """First 8 hex digits of the sha256 of all weight files, in order."""
    whole = hashlib.sha256()
    for path in weight_files(config, folder):
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:8]


def shipped_calibrations(config: InferenceConfig, folder: Path | None) -> dict[str, Affine]:
    """What the model's `calibration.json` holds, by `calibration.digest`; empty without one.

    Raises:
        ModelError: the file is not `{digest: {"scale": number, "bias": {label: number}}}`.
    """
    path = folder / "calibration.json" if folder else None
    if path is None or not path.exists():
        return {}
    try:
        return {
            key: Affine(float(each["scale"]), {k: float(v) for k, v in each["bias"].items()})
            for key, each in read_json(config, path).items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise problem(config, f"has a calibration.json of another form ({error!r})") from error


def problem(config: Named, what: str) -> ModelError:
    """One line that names the setting, what is wrong and what is allowed."""
    return ModelError(f"{config.setting}={config.model} {what}. {config.wanted}")


def read_json(config: Named, path: Path) -> dict:
    """A JSON object that lies in a model's folder.

    Raises:
        ModelError: there is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise problem(config, f"has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise problem(config, f"has an unreadable {path.name} ({error})") from error
    if not isinstance(content, dict):
        raise problem(config, f"has a {path.name} that is no JSON object")
    return content


def check_safetensors(config: Named, path: Path) -> None:
    """The format: 8 bytes length, so much JSON, then the tensors without a gap to the end.

    Raises:
        ModelError: the file has another form.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, HEADER_LIMIT):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
        raise problem(config, f"has a corrupt {path.name} ({error})") from error
    if max(ends, default=0) != size - 8 - length:
        raise problem(config, f"has a {path.name} that is cut off or too long")
