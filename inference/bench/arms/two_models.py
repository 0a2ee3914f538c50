"""A classifier of BERT-base's size beside the language model, as most stacks have it.

The language model is served as in the article; a label is one forward of the classifier.
"""

import shutil
import time
from pathlib import Path

from inference.bench.arms import Setting
from inference.bench.arms.article import Article
from inference.bench.errors import BenchError
from inference.bench.folders import require_room, unwritable
from inference.bench.workload import LABELS
from inference.tasks import Classify

NAME = "two-models"
# BERT-base, uncased: Devlin et al. 2019, 110 M parameters. Beside a toy stands a toy.
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072}
SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "intermediate_size": 96}
ENTRIES = 30522  # of BERT's vocabulary
FIRST, LAST = 101, 102  # [CLS] and [SEP] around a text
SIZE = 440_000_000  # bytes on disk
LARGE = 10_000_000  # parameters of a language model that is no toy


class TwoModels(Article):
    """Two sets of weights in one process."""

    def _load(self) -> None:
        super()._load()
        from transformers import BertForSequenceClassification

        folder = _folder(self._setting)
        self._classifier = BertForSequenceClassification.from_pretrained(folder).eval()

    def _label(self, part: Classify) -> float:
        import torch

        # The text in BERT's own words would be about as long; which ones is the same to it.
        text = self._tokenizer.encode(part.messages[-1].content, add_special_tokens=False)
        ids = [FIRST, *(each % ENTRIES for each in text), LAST]
        with torch.inference_mode():
            self._classifier(torch.tensor([ids])).logits.argmax().item()
        return time.perf_counter()


def prepare(setting: Setting) -> None:
    """Write the classifier's folder, with random weights, if it is not there.

    Raises:
        BenchError: the cache cannot be written or has no room.
    """
    folder = _folder(setting)
    if folder.is_dir():
        return
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        require_room(setting.cache, SIZE if folder.name == "bert-base" else 0)
        _write(part, SMALL if _is_toy(setting) else BASE)
        part.rename(folder)
    except OSError as error:
        raise unwritable(setting.cache, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def classifier_gb(setting: Setting) -> float:
    """What the classifier's weights take, in GB: on disk and, in float32, in memory."""
    return (_folder(setting) / "model.safetensors").stat().st_size / 1e9


def _write(folder: Path, size: dict) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, logging

    logging.disable_progress_bar()
    config = BertConfig(vocab_size=ENTRIES, num_labels=len(LABELS), **size)
    torch.manual_seed(0)
    try:
        BertForSequenceClassification(config).save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # safetensors wraps what the disk says in an error of its own
        raise BenchError(f"--models: {folder} cannot be written: {error}.") from error


def _is_toy(setting: Setting) -> bool:
    return setting.shape.parameters < LARGE


def _folder(setting: Setting) -> Path:
    return setting.cache / ("bert-toy" if _is_toy(setting) else "bert-base")
