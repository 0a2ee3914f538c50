"""Made models in a cache folder: written once, whole or not at all, and used again."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from inference.bench import vocabulary, weights
from inference.bench.errors import BenchError
from inference.bench.shapes import Shape

SEED = 1
VERSION = 1  # of what is written here; a folder of another version is made again
RECIPE = "bench.json"  # written last: a folder without it is not complete
SPARE = 64 << 20  # bytes left free on the disk


def default_cache() -> Path:
    """Where made models go if nobody says otherwise: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "aio-support-chat" / "bench"


def ensure(
    shape: Shape, cache: Path, progress: Callable[[float], None] = lambda share: None
) -> Path:
    """The folder of `shape` in `cache`, as transformers would load it; made if it is not there.

    Raises:
        BenchError: the cache cannot be written or has no room; the message names --models.
    """
    folder = cache / shape.name
    if is_complete(folder, shape):
        return folder
    part = cache / f".{shape.name}.part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        require_room(cache, weights.file_bytes(shape))
        _fill(part, shape, progress)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as error:
        raise unwritable(cache, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def is_complete(folder: Path, shape: Shape) -> bool:
    """Whether the folder holds this shape, every byte of its weights included."""
    try:
        recipe = json.loads((folder / RECIPE).read_text("utf-8"))
        size = (folder / "model.safetensors").stat().st_size
    except (OSError, ValueError):
        return False
    whole = (folder / "tokenizer.json").is_file() and size == weights.file_bytes(shape)
    return whole and recipe == _recipe(shape)


def require_room(cache: Path, needed: int) -> None:
    """Refuse to fill a disk.

    Raises:
        BenchError: fewer than `needed` bytes and some spare are free.
    """
    free = shutil.disk_usage(cache).free
    if free < needed + SPARE:
        raise BenchError(
            f"--models {cache}: {needed / 1e9:.1f} GB are needed there, {free / 1e9:.1f} are free."
        )


def unwritable(cache: Path, error: OSError) -> BenchError:
    """The error that tells what the system said about a file in the cache."""
    return BenchError(f"--models {cache} cannot be written: {error.strerror or error}.")


def _recipe(shape: Shape) -> dict:
    return {"version": VERSION, "seed": SEED, "shape": shape.describe()}


def _fill(folder: Path, shape: Shape, progress: Callable[[float], None]) -> None:
    vocabulary.tokenizer(shape.vocabulary).save_pretrained(folder)
    weights.write(folder / "model.safetensors", shape, SEED, progress)
    stop = {"eos_token_id": vocabulary.SPECIAL.index(vocabulary.END), "pad_token_id": 0}
    _write_json(folder / "config.json", {**shape.config(), **stop})
    _write_json(folder / "generation_config.json", {"do_sample": False, **stop})
    _write_json(folder / RECIPE, _recipe(shape))


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
