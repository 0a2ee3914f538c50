"""How often each kind of classifier is right, from files that `evaluate --json` wrote."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from inference.bench.errors import BenchError

CLASSIFIER = "fallback"  # the baseline of `evaluate` that is a dedicated classifier
KEYS = ("task", "data", "n", "model", "accuracy", "macro_f1", "baselines")


def read(paths: Iterable[Path]) -> list[dict]:
    """What each file says: the task, its data and size, and the accuracy of both ways.

    The object is the file's last line that is not empty: the command writes a page before it.

    Raises:
        BenchError: a file cannot be read or is of another command; the message names --accuracy.
    """
    return [_of(path, _object(path)) for path in paths]


def _object(path: Path) -> Mapping:
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BenchError(f"--accuracy {path} cannot be read: {reason}.") from error
    try:
        found = json.loads(next((line for line in reversed(lines) if line.strip()), ""))
    except ValueError:
        found = None
    missing = [key for key in KEYS if not isinstance(found, Mapping) or key not in found]
    if missing:
        raise BenchError(
            f"--accuracy {path} has no {missing[0]}: give what `evaluate --task T --data F --json` "
            "wrote."
        )
    return found


def _of(path: Path, found: Mapping) -> dict:
    shares = {"ours": found, "two-models": found["baselines"].get(CLASSIFIER, {})}
    return {
        "task": found["task"],
        "data": found["data"],
        "n": found["n"],
        "model": found["model"],
        "accuracy": {arm: share.get("accuracy") for arm, share in shares.items()},
        "macro_f1": {arm: share.get("macro_f1") for arm, share in shares.items()},
    }
