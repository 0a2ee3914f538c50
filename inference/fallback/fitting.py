"""How a classifier's labels become a task's. Pure."""

from collections.abc import Mapping, Sequence

from inference.errors import ModelError
from inference.fallback.config import FallbackConfig
from inference.labelset import normal_name


def fitted(
    config: FallbackConfig, theirs: Sequence[str], names: Sequence[str]
) -> Mapping[str, str]:
    """The task's label for each of the classifier's.

    As INFERENCE_FALLBACK_LABELS says, else by name. Several may become one; their probabilities
    then add up. Letter case does not count.

    Raises:
        ModelError: one leads nowhere, or a label of the task could never be answered; the message
            names the settings.
    """
    said = {normal_name(key): value for key, value in config.labels.items()}
    ours = {normal_name(name): name for name in names}
    found = {label: ours.get(normal_name(said.get(normal_name(label), label))) for label in theirs}
    unknown = [key for key in config.labels if normal_name(key) not in map(normal_name, theirs)]
    lost = [label for label, name in found.items() if name is None]
    missing = [name for name in names if name not in found.values()]
    if unknown or lost or missing:
        raise _mismatch(config, theirs, names, [*unknown, *lost, *missing])
    return found


def merged(shares: Sequence[float], theirs: Sequence[str], fit: Mapping[str, str]) -> dict:
    """Probabilities of the classifier's labels as probabilities of the task's."""
    sums = dict.fromkeys(fit.values(), 0.0)
    for label, share in zip(theirs, shares, strict=True):
        sums[fit[label]] += share
    return sums


def _mismatch(
    config: FallbackConfig, theirs: Sequence[str], names: Sequence[str], wrong: Sequence[str]
) -> ModelError:
    example = ",".join(f"{label}={name}" for label, name in zip(theirs, names, strict=False))
    return ModelError(
        f"{config.setting}={config.model} answers {', '.join(theirs)}; the task {config.task} has "
        f"{', '.join(names)}. No match for {', '.join(dict.fromkeys(wrong))}: say which is which "
        f"in INFERENCE_FALLBACK_LABELS, such as {example}, every label on both sides."
    )
