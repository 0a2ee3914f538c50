"""Calibrations fitted on labelled messages: the likeliest `scale` and `bias` by their posterior."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from inference.calibration import probabilities
from inference.tasks import Affine

FOLDS = 5
SPREAD = 1.0  # standard deviation of the prior: one unit of log-odds, or of the scale's logarithm
LEAST_SCALE = 1e-3  # where the prior begins if the present scale is no positive number
DIGITS = 5

LogProbs = Mapping[str, float]


def fit(scores: Sequence[LogProbs], truth: Sequence[str], present: Affine) -> Affine:
    """Vector scaling with one shared scale (Guo et al. 2017, "On Calibration of Modern Neural
    Networks"), with a normal prior around the present parameters.

    The prior is what keeps few or separable messages from certainty: it weighs as much as one
    message whose log-odds are known to `SPREAD`, so it fades as messages come in.

    Args:
        scores: label log-probabilities of each message, with the same labels in all.
        truth: the right label of each.
    """
    names = tuple(scores[0])
    values = torch.tensor([[each[name] for name in names] for each in scores], dtype=torch.float64)
    target = torch.tensor([names.index(label) for label in truth])
    start = torch.tensor(
        [_log_scale(present), *(present.bias.get(name, 0.0) for name in names)], dtype=torch.float64
    )
    found = _minimum(values, target, start)
    bias = found[1:] - found[1:].mean()  # a bias common to all changes nothing
    return Affine(
        scale=round(found[0].exp().item(), DIGITS),
        bias={name: round(each.item(), DIGITS) for name, each in zip(names, bias, strict=True)},
    )


def held_out(
    scores: Sequence[LogProbs], truth: Sequence[str], present: Affine
) -> list[dict[str, float]]:
    """Probabilities of each message under parameters that were fitted without it.

    `FOLDS`-fold cross-validation; every label is spread evenly over the folds.
    """
    fold_of = _folds(truth)
    fitted = [
        fit(*_without(fold, fold_of, scores, truth), present) if fold in fold_of else present
        for fold in range(FOLDS)
    ]
    return [probabilities(each, fitted[fold_of[at]]) for at, each in enumerate(scores)]


def _log_scale(present: Affine) -> float:
    return torch.tensor(max(present.scale, LEAST_SCALE)).log().item()


def _minimum(values: torch.Tensor, target: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    parameters = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = parameters[0].exp() * values + parameters[1:]
        likelihood = torch.nn.functional.cross_entropy(logits, target, reduction="sum")
        prior = ((parameters - start) / SPREAD).square().sum() / 2
        (total := (likelihood + prior) / len(target)).backward()
        return total

    optimizer.step(loss)
    return parameters.detach()


def _folds(truth: Sequence[str]) -> list[int]:
    """The fold of each message. Labels follow each other, so folds are equally large too."""
    order = sorted(range(len(truth)), key=lambda at: truth[at])
    fold_of = [0] * len(truth)
    for place, at in enumerate(order):
        fold_of[at] = place % FOLDS
    return fold_of


def _without(
    fold: int, fold_of: Sequence[int], scores: Sequence[LogProbs], truth: Sequence[str]
) -> Iterator[list]:
    kept = [at for at, each in enumerate(fold_of) if each != fold]
    yield [scores[at] for at in kept]
    yield [truth[at] for at in kept]
