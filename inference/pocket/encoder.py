"""A sentence encoder that is taught labels: it has read far more text than a training here can.

It is a teacher only. What ships never loads it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from inference.pocket.losses import fast_bfloat16

_POOL = 64  # batches whose rows are sorted by length, so that little of them is padding
_SIZE = 32  # rows of a batch that is learned
_JUDGED = 64  # rows of one that is judged
_WARMUP = 0.06  # share of the steps
_DECAY = 0.01

Row = tuple[str, Sequence[float]]  # a text and the share of each label


class EncoderError(Exception):
    """A folder holds no encoder that can be used; the message is one line."""


@dataclass(frozen=True)
class Lesson:
    """How an encoder is fine-tuned; the usual values for a small one."""

    epochs: float = 2.2
    rate: float = 1e-4
    seed: int = 1
    length: int = 96  # tokens of a text; the rest is cut off


class Encoder:
    """An encoder of a folder with a head for labels, in the folder or new.

    Raises:
        EncoderError: the folder holds none.
    """

    def __init__(self, folder: Path, labels: int, lesson: Lesson = Lesson(), device: str = "cpu"):
        torch.manual_seed(lesson.seed)  # of a new head
        if not (folder / "config.json").is_file():
            raise EncoderError(f"{folder} holds no encoder: it has no config.json.")
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                folder,
                num_labels=labels,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
            )
            self._words = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # it raises almost anything for a bad folder
            said = (str(error).strip().splitlines() or ["no reason given"])[0]
            raise EncoderError(f"{folder} holds no encoder that loads: {said}") from error
        self.model = model.to(device)
        self._lesson, self._device = lesson, device
        self._short = fast_bfloat16(device.split(":")[0])

    def learn(self, rows: Sequence[Row], progress: Callable[[int, int], None]) -> None:
        """Fine-tune all weights to the rows' shares; `progress` hears steps done and of how many.

        AdamW with a rate that rises, then sinks to nothing (Devlin et al. 2019, appendix A.3).
        """
        steps = max(1, round(self._lesson.epochs * len(rows) / _SIZE))
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=self._lesson.rate, weight_decay=_DECAY, fused=True
        )
        rng, done = random.Random(self._lesson.seed), 0
        self.model.train()
        while done < steps:
            for batch in _batches(rows, rng):
                part = min(1, (done + 1) / (_WARMUP * steps)) * (steps - done) / steps
                for group in optimizer.param_groups:
                    group["lr"] = part * self._lesson.rate
                shares = torch.tensor([each for _, each in batch], device=self._device)
                cross_entropy(self._scores([text for text, _ in batch]), shares).backward()
                clip_grad_norm_(self.model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                done += 1
                progress(done, steps)
                if done == steps:
                    break

    def judge(
        self, texts: Sequence[str], progress: Callable[[int, int], None]
    ) -> list[list[float]]:
        """The probability of each label for each text, in their order."""
        self.model.eval()
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        judged: list[list[float]] = [[]] * len(texts)
        with torch.inference_mode():
            for start in range(0, len(order), _JUDGED):
                at = order[start : start + _JUDGED]
                shares = self._scores([texts[each] for each in at]).softmax(-1).tolist()
                for each, found in zip(at, shares, strict=True):
                    judged[each] = found
                progress(start + len(at), len(order))
        return judged

    def save(self, folder: Path) -> None:
        """Write the encoder to a new folder.

        Raises:
            OSError: it cannot be written, for instance because the disk is full.
        """
        try:
            self.model.save_pretrained(folder)
            self._words.save_pretrained(folder)
        except OSError:
            raise
        except Exception as error:  # safetensors and tokenizers wrap what the disk says
            raise OSError(f"{folder}: {error}") from error

    def _scores(self, texts: Sequence[str]) -> torch.Tensor:
        """The logits, shape (texts, labels)."""
        asked = self._words(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._lesson.length,
            return_tensors="pt",
        ).to(self._device)
        with torch.autocast(self._device.split(":")[0], torch.bfloat16, enabled=self._short):
            return self.model(**asked).logits.float()


def _batches(rows: Sequence[Row], rng: random.Random) -> list[list[Row]]:
    """The rows once, in batches of like lengths, in another order each time."""
    shuffled = rng.sample(rows, len(rows))
    batches = []
    for start in range(0, len(rows), _POOL * _SIZE):
        pool = sorted(shuffled[start : start + _POOL * _SIZE], key=lambda row: len(row[0]))
        batches += [pool[at : at + _SIZE] for at in range(0, len(pool), _SIZE)]
    rng.shuffle(batches)
    return batches
