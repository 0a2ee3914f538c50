"""Batches written ahead of the step that learns them, so that a step never waits for its text."""

import os
import threading
from collections import deque
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from multiprocessing import get_context, parent_process

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from inference.pocket import recipe
from inference.pocket.corpora import Corpora
from inference.pocket.recipe import Recipe
from inference.pocket.sequences import Batch
from inference.prompts import ChatPrompt

_BLOCK = 64  # batches after which, where each is read more than once, they come again
_AHEAD = 3  # batches a process, so that none is idle while others are learned

Arrays = tuple[np.ndarray, ...]  # the fields of a Batch


class WriterError(Exception):
    """The text cannot be written; the message is one line for the person who asked."""


class Writer:
    """Gives the batch of each step, asked for in order.

    What a step reads depends on nothing but the recipe, the step and the corpora, so it is the same
    whoever writes it. Without `processes` a thread writes one batch ahead, which is enough where
    the learning takes longer than the writing. Where it takes less, each batch may be read several
    times (`reads`): so many steps after one another have new batches, then the same ones again.
    """

    def __init__(
        self,
        plan: Recipe,
        tokenizer: PreTrainedTokenizerFast,
        corpora: Corpora,
        processes: int = 0,
        reads: int = 1,
    ):
        work = (plan, tokenizer, corpora)
        self._reads, self._kept = reads, dict[int, Batch]()
        self._ahead = _AHEAD * processes or 1
        self._coming: deque[Future[Arrays]] = deque()
        self._next = 0  # the number of the first that is coming
        if processes:  # spawned: a fork of a process that holds a GPU or threads may hang
            context = get_context("spawn")
            self._executor = ProcessPoolExecutor(processes, context, _begin, work)
            self._write = _write
        else:
            self._executor = ThreadPoolExecutor(1, "batches")
            self._write = _Desk(*work)

    def batch(self, step: int) -> Batch:
        """What a step reads; quick where the steps are asked for in order.

        Raises:
            WriterError: a writing process has ended before its time.
        """
        if self._reads == 1:
            return self._written(step)
        block, place = divmod(step, self._reads * _BLOCK)
        number = block * _BLOCK + place % _BLOCK
        if place == 0:
            self._kept.clear()
        if number not in self._kept:
            self._kept[number] = self._written(number)
        return self._kept[number]

    def _written(self, number: int) -> Batch:
        if number != self._next:
            self._coming.clear()
            self._next = number
        try:
            while len(self._coming) <= self._ahead:
                self._coming.append(self._executor.submit(self._write, number + len(self._coming)))
            arrays = self._coming.popleft().result()
        except BrokenExecutor as error:
            raise WriterError(
                "A process that writes the text was ended, perhaps for want of memory: the same "
                "command, maybe with fewer --writers, goes on from the last checkpoint."
            ) from error
        self._next += 1
        return Batch(*map(torch.from_numpy, arrays))

    def close(self) -> None:
        """Stop writing ahead."""
        self._executor.shutdown(cancel_futures=True)


class _Desk:
    """Writes batches. They travel as arrays: tensors would cross in a shared file each."""

    def __init__(self, plan: Recipe, tokenizer: PreTrainedTokenizerFast, corpora: Corpora):
        self._plan, self._prompt, self._corpora = plan, ChatPrompt(tokenizer), corpora

    def __call__(self, step: int) -> Arrays:
        batch = recipe.batch(self._plan, step, self._prompt, self._corpora)
        return tuple(getattr(batch, each.name).numpy() for each in fields(batch))


_desk: _Desk  # of a writing process


def _begin(*work) -> None:
    global _desk
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _desk = _Desk(*work)


def _end_with_parent() -> None:
    """A training that was killed cannot end its writers; they would wait for it for ever."""
    parent_process().join()
    os._exit(1)


def _write(step: int) -> Arrays:
    return _desk(step)
