"""From nothing to a model folder: tokenizer, training, evaluation, calibration, export."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from inference import presets
from inference.pocket import export, recipe, replies, scoring, sources, tokenizer
from inference.pocket.corpora import Corpora
from inference.pocket.judge import FOLDS
from inference.pocket.training import CheckpointError, Plan, Report, Trainer
from inference.pocket.transfer import TransferError
from inference.pocket.writing import WriterError
from inference.presets import TaskPreset
from inference.prompts import CHATML, ChatPrompt
from inference.tasks import Affine

_CHECKPOINT = "checkpoint.pt"
_NOISY = {"goemotions"}  # corpora whose labels differ from person to person
_BYTES = 256  # every byte has a token


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
    start: Path | None = None,
    writers: int = 0,
    stage: Callable[[str], None] = lambda _: None,
) -> dict:
    """Train by `plan` and write the model to `out`; returns the report that is stored with it.

    With `start`, a folder with a pocket model of the same shape, its weights are the beginning.
    `writers` processes write the text; without any, a thread does.

    An interrupted training goes on where its last checkpoint was. `progress` gets the Report and
    the share of the budget that is spent; `stage` hears what comes before and after the training.

    Raises:
        MakingError: a wrong folder, another training or a damaged one in the way, or a writing
            process that was ended.
        CorpusError: `data` holds no usable corpus.
        OSError: something cannot be written.
    """
    if problem := export.refusal(out):
        raise MakingError(problem)
    texts = sources.read(data)
    for name in set(texts.train) & _NOISY:
        texts.judge(name, partial(_judging, stage, name))
    room = workspace(out, plan, texts, start)
    stage("tokenizer")
    words = _tokenizer(room, plan, texts)
    try:
        trainer = Trainer(plan, words, texts, room / _CHECKPOINT, device, start, writers)
    except (CheckpointError, TransferError) as error:
        raise MakingError(str(error)) from error
    stage("training")
    try:
        trained = trainer.run(progress)
    except WriterError as error:
        raise MakingError(str(error)) from error
    trainer.save()
    stage("examining")
    fitted, figures = examine(trainer, words, texts, examination)
    report = _report(plan, trainer, trained, texts) | figures
    files = {
        "calibration.json": scoring.calibration_json(fitted, presets.TASKS),
        export.REPORT: json.dumps(report, indent=2) + "\n",
    }
    export.write(out, trainer.model, words, files)
    shutil.rmtree(room, ignore_errors=True)
    return report


def _judging(stage: Callable[[str], None], name: str, fold: int) -> None:
    stage(f"judging {name}, {fold} of {FOLDS}")


def examine(
    trainer: Trainer, words: PreTrainedTokenizerFast, texts: Corpora, size: Examination
) -> tuple[dict[str, Affine], dict]:
    """Fit the calibrations on one half of the development messages, judge all on the other."""
    prompt, seed = ChatPrompt(words), str(trainer.plan.recipe.seed)
    fitted, figures = {}, {}
    for task in presets.TASKS:
        count = size.messages if task is presets.SENTIMENT else size.messages // 3
        sets = {"generated": scoring.generated(seed, count, task)}
        if task is presets.SENTIMENT:
            sets |= {name: rows[: size.corpus] for name, rows in texts.dev.items()}
        fitted[task.slug], figures[task.slug] = _examine(trainer, prompt, task, sets)
    told = replies.sample(seed, size.replies)
    report = replies.judge(trainer.model, words, told, trainer.device)
    return fitted, figures | {"replies": asdict(report)}


def _examine(
    trainer: Trainer, prompt: ChatPrompt, task: TaskPreset, sets: dict[str, list[tuple[str, str]]]
) -> tuple[Affine, dict]:
    scored = {
        name: scoring.label_scores(
            trainer.model, prompt, task, [text for text, _ in rows], trainer.device
        )
        for name, rows in sets.items()
    }
    labels = {name: [label for _, label in rows] for name, rows in sets.items()}
    affine = scoring.fit(
        torch.cat([scores[0::2] for scores in scored.values()]),
        [label for each in labels.values() for label in each[0::2]],
        task.names,
    )
    return affine, {
        name: asdict(scoring.judge(scored[name][1::2], labels[name][1::2], affine, task.names))
        for name in sets
    }


def workspace(out: Path, plan: Plan, texts: Corpora, start: Path | None = None) -> Path:
    """The folder beside `out` where an unfinished training lives."""
    room = _room(out)
    room.mkdir(parents=True, exist_ok=True)
    options = asdict(plan) | {"minutes": None}  # an unfinished one may be given more, or fewer
    mark = json.dumps(
        {"plan": options, "corpora": texts.names, "start": start and str(start)}, sort_keys=True
    )
    path = room / "plan.json"
    if not path.exists():
        _write(path, mark)
    elif path.read_bytes() != mark.encode():
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
        _save(tokenizer.train(written, plan.shape.vocabulary), part)
        part.rename(path)
    return _loaded(path)


def _loaded(path: Path) -> PreTrainedTokenizerFast:
    try:
        words = AutoTokenizer.from_pretrained(path, local_files_only=True)
    except Exception as error:  # each file has its parser, and each parser errors of its own
        raise MakingError(_damaged(path)) from error
    whole = (words.eos_token, words.chat_template) == (tokenizer.END, CHATML)
    if not whole or len(words) < _BYTES:  # transformers loads without some of the files, too
        raise MakingError(_damaged(path))
    return words


def _damaged(path: Path) -> str:
    return f"{path} of the unfinished training is damaged: start over with --fresh."


def _save(words: PreTrainedTokenizerFast, folder: Path) -> None:
    try:
        words.save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # tokenizers wraps what the disk says
        raise OSError(f"{folder}: {error}") from error


def _write(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _report(plan: Plan, trainer: Trainer, trained: Report, texts: Corpora) -> dict:
    return {
        "parameters": sum(each.numel() for each in trainer.model.parameters()),
        "seed": plan.recipe.seed,
        "minutes": plan.minutes,
        "threads": torch.get_num_threads(),
        "steps": trained.step,
        "tokens": trained.tokens,
        "seconds": round(trained.seconds, 1),
        "loss": round(trained.loss, 4),
        "first_losses": trained.first_losses,
        "corpora": texts.names,
        "device": trainer.device,
    }


def forget(out: Path) -> None:
    """Drop the unfinished training of `out`, if there is one.

    Raises:
        MakingError: no model may be written to `out`.
    """
    if problem := export.refusal(out):
        raise MakingError(problem)
    shutil.rmtree(_room(out), ignore_errors=True)


def _room(out: Path) -> Path:
    return out.with_name(f".{out.name}.training")
