"""A model that breaks on one word, and is the real one for all others."""

import dataclasses

import torch


class FlawedModel:
    """Passes everything on; `flaw(logits)` happens to a segment that holds the word's ids."""

    def __init__(self, model, ids, flaw):
        self._model, self._ids, self._flaw = model, ids, flaw

    def __getattr__(self, name):
        return getattr(self._model, name)

    def forward(self, segments):
        logits = self._model.forward(segments)
        for segment, result in zip(segments, logits, strict=True):
            if self._holds_the_word(segment.tokens):
                self._flaw(result)
        return logits

    def _holds_the_word(self, row):
        size = len(self._ids)
        return any(row[n : n + size] == self._ids for n in range(len(row)))


def flawed(loaded, word, flaw):
    """`loaded` with a model that breaks on `word`."""
    ids = loaded.tokenizer.encode(word, add_special_tokens=False)
    return dataclasses.replace(loaded, model=FlawedModel(loaded.model, ids, flaw))


def explode(logits):
    raise RuntimeError("out of luck")


@torch.inference_mode()
def become_nan(logits):
    logits.fill_(torch.nan)
