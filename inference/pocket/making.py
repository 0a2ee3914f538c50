"""From nothing to a model folder: tokenizer, training, evaluation, calibration, export."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from inference.pocket import corpora, export, recipe, replies, scoring, tokenizer
from inference.pocket.corpora import Corpora
from inference.pocket.training import Plan, Report, Trainer
from inference.prompts import ChatPrompt
from inference.tasks import Affine

_CHECKPOINT = "checkpoint.pt"


class MakingError(Exception):
    """The model cannot be made; the message is one line for the person who asked."""


@dataclass(frozen=True)
class Examination:
    """How many held-out examples of each kind the finished model is judged on."""

    messages: int = 1200
    corpus: int = 1600
    replies: int = 120


def make(
    out: Path,
    plan: Plan,
    data: Path | None = None,
    device: str = "cpu",
    examination: Examination = Examination(),
    progress: Callable[[Report, float], None] = lambda *_: None,
) -> dict:
    """Train by `plan` and write the model to `out`; returns the report that is stored with it.

    An interrupted training goes on where its last checkpoint was. `progress` gets the Report and
    the share of the budget that is spent.

    Raises:
        MakingError: a wrong folder, or another training's checkpoint in the way.
        CorpusError: `data` holds no usable corpus.
        OSError: something cannot be written.
    """
    if problem := export.refusal(out):
        raise MakingError(problem)
    texts = corpora.read(data)
    room = workspace(out, plan, texts)
    words = _tokenizer(room, plan, texts)
    trainer = Trainer(plan, words, texts, room / _CHECKPOINT, device)
    trained = trainer.run(progress)
    trainer.save()
    affine, figures = examine(trainer, words, texts, examination)
    report = _report(plan, trainer, trained, texts) | figures
    files = {
        "calibration.json": scoring.calibration_json(affine),
        export.REPORT: json.dumps(report, indent=2) + "\n",
    }
    export.write(out, trainer.model, words, files)
    shutil.rmtree(room, ignore_errors=True)
    return report


def examine(
    trainer: Trainer, words: PreTrainedTokenizerFast, texts: Corpora, size: Examination
) -> tuple[Affine, dict]:
    """Fit the calibration on one half of the development messages, judge all on the other."""
    seed = str(trainer.plan.recipe.seed)
    sets = {"generated": scoring.generated(seed, size.messages)}
    sets |= {name: rows[: size.corpus] for name, rows in texts.dev.items()}
    prompt = ChatPrompt(words)
    scored = {
        name: scoring.label_scores(trainer.model, prompt, [t for t, _ in rows], trainer.device)
        for name, rows in sets.items()
    }
    affine = _calibrate(sets, scored)
    figures = {
        name: asdict(scoring.judge(scored[name][1::2], [label for _, label in rows][1::2], affine))
        for name, rows in sets.items()
    }
    told = replies.sample(seed, size.replies)
    report = replies.judge(trainer.model, words, told, trainer.device)
    return affine, {"sentiment": figures, "replies": asdict(report)}


def _calibrate(sets: dict, scored: dict) -> Affine:
    scores = [row for name in sets for row in scored[name][0::2]]
    labels = [label for rows in sets.values() for _, label in rows[0::2]]
    return scoring.fit(torch.stack(scores), labels)


def workspace(out: Path, plan: Plan, texts: Corpora) -> Path:
    """The folder beside `out` where an unfinished training lives."""
    room = out.with_name(f".{out.name}.training")
    room.mkdir(parents=True, exist_ok=True)
    mark = json.dumps({"plan": asdict(plan), "corpora": texts.names}, sort_keys=True)
    path = room / "plan.json"
    if not path.exists():
        _write(path, mark)
    elif path.read_text("utf-8") != mark:
        raise MakingError(
            f"{room} holds an unfinished training with other options or data: "
            "repeat it with the same ones, or start over with --fresh."
        )
    return room


def _tokenizer(room: Path, plan: Plan, texts: Corpora) -> PreTrainedTokenizerFast:
    path = room / "tokenizer"
    if not path.exists():
        part = room / "tokenizer.part"
        shutil.rmtree(part, ignore_errors=True)
        written = recipe.texts(plan.recipe, texts)
        tokenizer.train(written, plan.shape.vocabulary).save_pretrained(part)
        part.rename(path)
    return AutoTokenizer.from_pretrained(path)


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)


def _report(plan: Plan, trainer: Trainer, trained: Report, texts: Corpora) -> dict:
    return {
        "parameters": sum(each.numel() for each in trainer.model.parameters()),
        "seed": plan.recipe.seed,
        "minutes": plan.minutes,
        "steps": trained.step,
        "tokens": trained.tokens,
        "seconds": round(trained.seconds, 1),
        "loss": round(trained.loss, 4),
        "first_losses": trained.first_losses,
        "corpora": texts.names,
        "device": trainer.device,
    }


def forget(out: Path) -> None:
    """Drop the unfinished training of `out`, if there is one."""
    shutil.rmtree(out.with_name(f".{out.name}.training"), ignore_errors=True)
