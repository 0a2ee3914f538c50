"""From label log-probabilities to honest confidences, and where the parameters come from."""

import hashlib
from collections.abc import Sequence


def digest(prompt: str, labels: Sequence[str]) -> str:
    """Key of a task's wording in a model's `calibration.json`: sha256, in hex."""
    return hashlib.sha256(f"{prompt}\n{','.join(labels)}".encode()).hexdigest()
