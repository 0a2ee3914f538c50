"""Label scores of many messages at once, their calibration and their accuracy."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch

from inference import fitting
from inference.calibration import digest
from inference.pocket import grammar, moods
from inference.pocket.losses import states, target_losses
from inference.pocket.sequences import Branch, Tree, label_branch, lay_out
from inference.presets import TaskPreset
from inference.prompts import ChatPrompt
from inference.tasks import Affine

_LENGTH = 1024  # tokens of a row


@dataclass(frozen=True)
class Judgement:
    """How well labels were told apart: shares of 1, and the expected calibration error."""

    n: int
    accuracy: float
    macro_f1: float
    ece: float


def generated(seed: str, count: int, task: TaskPreset) -> list[tuple[str, str]]:
    """Labelled messages of a stream of their own, half of them in each language; of every second
    one, too: calibrations are fitted on those and judged on the rest."""
    rng = random.Random(f"{seed}:judged:{task.slug}")
    drawn = (moods.message(rng, grammar.LANGUAGES[i // 2 % 2], task.slug) for i in range(count))
    return [(each.text, each.labels[task.slug]) for each in drawn]


@torch.inference_mode()
def label_scores(
    model, prompt: ChatPrompt, task: TaskPreset, texts: Sequence[str], device: str = "cpu"
) -> torch.Tensor:
    """Log-probability of every label, with its end, for every text: shape (texts, labels)."""
    model.eval()
    stream = (
        label_branch(prompt, task.prompt, text, label, _LENGTH)
        for text in texts
        for label in task.names
    )
    scores = [part for trees in _rows(stream) for part in _row_scores(model, trees, device)]
    return torch.stack(scores).view(len(texts), len(task.names))


def _rows(stream: Iterator[tuple[list[int], Branch]]) -> Iterator[list[Tree]]:
    """One tree at a time, in the order of the stream."""
    tree: Tree | None = None
    for prefix, branch in stream:
        branch.weights = [float(w > 0.5) for w in branch.weights]
        if tree and len(tree) + len(branch.ids) > _LENGTH:
            yield [tree]
            tree = None
        tree = tree or Tree(prefix)
        tree.branches.append(branch)
    if tree:
        yield [tree]


def _row_scores(model, trees: list[Tree], device: str) -> Iterator[torch.Tensor]:
    batch = lay_out(trees, max(map(len, trees)))
    last, _ = states(model, batch, device)
    losses = target_losses(model, last, batch).cpu()
    sums = torch.zeros(sum(len(tree.branches) for tree in trees))
    sums.index_add_(0, batch.owner, -losses)
    yield from sums


def probabilities(scores: torch.Tensor, affine: Affine, names: Sequence[str]) -> torch.Tensor:
    """softmax(scale * score + bias), as the engine computes it; a column for each of `names`."""
    bias = torch.tensor([affine.bias.get(label, 0.0) for label in names])
    return (affine.scale * scores + bias).softmax(-1)


def fit(scores: torch.Tensor, labels: Sequence[str], names: Sequence[str]) -> Affine:
    """The calibration that suits the `labels`; `scores` as `label_scores` gives them."""
    rows = [dict(zip(names, row, strict=True)) for row in scores.tolist()]
    return fitting.fit(rows, labels, Affine())


def judge(
    scores: torch.Tensor, labels: Sequence[str], affine: Affine, names: Sequence[str]
) -> Judgement:
    confidence, guess = probabilities(scores, affine, names).max(-1)
    truth = torch.tensor([names.index(label) for label in labels])
    right = guess == truth
    return Judgement(
        n=len(labels),
        accuracy=round(right.float().mean().item(), 4),
        macro_f1=round(_macro_f1(guess, truth), 4),
        ece=round(_calibration_error(confidence, right), 4),
    )


def _macro_f1(guess: torch.Tensor, truth: torch.Tensor) -> float:
    scores = []
    for label in truth.unique():
        hit = ((guess == label) & (truth == label)).sum().item()
        scores.append(2 * hit / max(1, ((guess == label).sum() + (truth == label).sum()).item()))
    return sum(scores) / len(scores)


def _calibration_error(confidence: torch.Tensor, right: torch.Tensor, bins: int = 10) -> float:
    """Mean gap between confidence and accuracy over equally wide bins, weighted by their size."""
    which = (confidence * bins).long().clamp(max=bins - 1)
    gaps = [
        (confidence[which == b].mean() - right[which == b].float().mean()).abs().item()
        * (which == b).float().mean().item()
        for b in which.unique()
    ]
    return sum(gaps)


def calibration_json(fitted: Mapping[str, Affine], tasks: Sequence[TaskPreset]) -> str:
    """The content of a model folder's `calibration.json`; `fitted` by task slug."""
    content = {
        digest(task.prompt, task.names): asdict(fitted[task.slug])
        for task in tasks
        if task.slug in fitted
    }
    return json.dumps(content, indent=2) + "\n"
