"""A model that breaks on one word, and is the real one for all others."""

import dataclasses

import torch


class FlawedModel:
    """Passes everything on; `flaw(output)` happens when the input holds the word's ids."""

    def __init__(self, model, ids, flaw):
        self._model, self._ids, self._flaw = model, ids, flaw

    def __getattr__(self, name):
        return getattr(self._model, name)

    def __call__(self, input_ids, **options):
        output = self._model(input_ids=input_ids, **options)
        row, size = input_ids[0].tolist(), len(self._ids)
        if any(row[n : n + size] == self._ids for n in range(len(row))):
            self._flaw(output)
        return output


def flawed(loaded, word, flaw):
    """`loaded` with a model that breaks on `word`."""
    ids = loaded.tokenizer.encode(word, add_special_tokens=False)
    return dataclasses.replace(loaded, model=FlawedModel(loaded.model, ids, flaw))


def explode(output):
    raise RuntimeError("out of luck")


def become_nan(output):
    output.logits.fill_(torch.nan)
