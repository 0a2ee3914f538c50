"""The training loop: steps until the budget is spent, with checkpoints that resume exactly."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from inference.pocket import losses, wishes
from inference.pocket.corpora import Corpora
from inference.pocket.muon import Muon
from inference.pocket.recipe import Recipe
from inference.pocket.sequences import Batch
from inference.pocket.transfer import transfer
from inference.pocket.writing import Writer
from inference.prompts import ChatPrompt


class CheckpointError(ValueError):
    """The checkpoint cannot be gone on from; the message is one line with its path."""


@dataclass(frozen=True)
class Shape:
    """Size of the model: about 12 M parameters as it ships."""

    hidden: int = 320
    layers: int = 6
    heads: int = 5
    intermediate: int = 960
    vocabulary: int = 12288
    context: int = 4096


@dataclass(frozen=True)
class Plan:
    """A training: `minutes` of work, or exactly `steps` steps where that is given."""

    minutes: float = 100.0
    steps: int | None = None
    muon_rate: float = 0.02  # for the matrices of the layers
    adam_rate: float = 3e-3  # for embeddings, norms and biases
    warmup: int = 40  # steps
    floor: float = 0.02  # of the rates, at the end
    decay: float = 0.01
    checkpoint_seconds: float = 45.0
    reads: int = 1  # of each batch, where learning is quicker than writing
    compiled: bool = False  # fused by torch.compile first, which needs a C++ compiler
    shape: Shape = field(default_factory=Shape)
    recipe: Recipe = field(default_factory=Recipe)

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min(1.0, step / self.steps if self.steps else seconds / (self.minutes * 60))

    def rate(self, step: int, progress: float) -> float:
        """Factor on the learning rates: warm up, hold, and in the second half sink to the floor."""
        line = self.floor + (1 - self.floor) * min(1.0, 2 * (1 - progress))
        return min(1.0, (step + 1) / self.warmup) * line


@dataclass
class Report:
    """Where the training is; `loss` is a running mean, `first_losses` are those of ten steps."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    loss: float = 0.0
    first_losses: list[float] = field(default_factory=list)

    def note(self, loss: float, tokens: int) -> None:
        self.loss = loss if self.step == 0 else 0.97 * self.loss + 0.03 * loss
        self.step += 1
        self.tokens += tokens
        if self.step <= 10:
            self.first_losses.append(round(loss, 5))


def new_model(shape: Shape, tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config._attn_implementation = "sdpa"
    return Qwen2ForCausalLM(config)


class Trainer:
    """One training with its model, optimizer and checkpoint file, maybe begun at a model `start`.

    `writers` are the processes that write its batches; without any, a thread does.

    `report` is called after each step with the Report and the share of the budget that is spent.
    """

    def __init__(
        self,
        plan: Plan,
        tokenizer: PreTrainedTokenizerFast,
        corpora: Corpora,
        checkpoint: Path | None = None,
        device: str = "cpu",
        start: Path | None = None,
        writers: int = 0,
    ):
        self.plan, self.corpora, self.checkpoint, self.device = plan, corpora, checkpoint, device
        self._kind = device.split(":")[0]
        self.prompt = ChatPrompt(tokenizer)
        self.model = new_model(plan.shape, tokenizer, plan.recipe.seed).to(device).train()
        if plan.compiled:
            self.model.model.compile(dynamic=False)
        self.listener = losses.Listener(plan.shape.hidden, len(wishes.names())).to(device)
        self.optimizers = self._optimizers()
        self.report = Report()
        self._writer = Writer(plan.recipe, tokenizer, corpora, writers, plan.reads)
        if checkpoint and checkpoint.exists():
            self._load()
        elif start:
            transfer(start, self.model, tokenizer)

    def run(self, report: Callable[[Report, float], None] = lambda *_: None) -> Report:
        """Train until the budget is spent, from the last checkpoint on if there is one."""
        try:
            self._run(report)
        finally:
            self._writer.close()
        return self.report

    def _run(self, report: Callable[[Report, float], None]) -> None:
        begin, saved = time.monotonic() - self.report.seconds, time.monotonic()
        while (progress := self.plan.progress(self.report.step, self.report.seconds)) < 1:
            self._step(progress)
            self.report.seconds = time.monotonic() - begin
            report(self.report, progress)
            if time.monotonic() - saved > self.plan.checkpoint_seconds:
                self.save()
                saved = time.monotonic()

    def save(self) -> None:
        """Write the checkpoint whole or not at all.

        Raises:
            OSError: it cannot be written, for instance because the disk is full.
        """
        if self.checkpoint is None:
            return
        state = {
            "model": self.model.state_dict(),
            "listener": self.listener.state_dict(),
            "optimizers": [each.state_dict() for each in self.optimizers],
            "report": asdict(self.report),
        }
        part = self.checkpoint.with_suffix(".part")
        try:
            torch.save(state, part)
        except (OSError, RuntimeError) as error:  # torch hides what the disk says
            part.unlink(missing_ok=True)
            raise OSError(f"no room or no right to write {part}") from error
        os.replace(part, self.checkpoint)

    def _load(self) -> None:
        content = BytesIO(self.checkpoint.read_bytes())  # what the disk says is no damage
        try:
            self._restore(torch.load(content, weights_only=True, map_location=self.device))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # damage can look like anything to torch and pickle
            message = f"{self.checkpoint} is damaged or does not fit: start over with --fresh."
            raise CheckpointError(message) from error

    def _restore(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.listener.load_state_dict(state["listener"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.report = Report(**state["report"])

    def _optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Muon for the matrices inside the layers, AdamW for everything else.

        Muon (Jordan et al. 2024) learns to look words up and to copy numbers in far fewer steps.
        """
        layers = [p for p in self.model.model.layers.parameters() if p.dim() == 2]
        inside = {id(each) for each in layers}
        rest = [p for p in self.model.parameters() if id(p) not in inside]
        rest += self.listener.parameters()
        plan = self.plan
        return (
            Muon(
                layers,
                lr=plan.muon_rate,
                weight_decay=plan.decay,
                dtype=torch.bfloat16 if losses.fast_bfloat16(self._kind) else torch.float32,
            ),
            torch.optim.AdamW(
                rest, lr=plan.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
            ),
        )

    def _step(self, progress: float) -> None:
        factor = self.plan.rate(self.report.step, progress)
        peaks = (self.plan.muon_rate, self.plan.adam_rate)
        for optimizer, peak in zip(self.optimizers, peaks, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = factor * peak
        batch = self._writer.batch(self.report.step)
        loss = self._loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.report.note(loss.item(), batch.ids.numel())

    def _loss(self, batch: Batch) -> torch.Tensor:
        return losses.loss(self.model, self.listener, batch, self.device)
