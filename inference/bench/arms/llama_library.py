"""llama.cpp through the C functions that llama_cpp exposes: a model, its KV and batches.

Written against llama-cpp-python 0.3.36 (llama.h: llama_batch, llama_decode, llama_memory_seq_*).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.bench.errors import ArmFailed

ALL = -1  # "from the beginning" or "to the end", of a sequence's positions
NO_ROOM = 1  # what llama_decode returns when the KV has no cells left


@dataclass(frozen=True)
class Entry:
    """One token of a batch: where it stands, and whether what follows it is asked."""

    token: int
    position: int
    sequence: int
    asked: bool


class Library:
    """One loaded model with one context. For one thread.

    Args:
        cells: tokens that the KV holds, of all sequences together.
        batch: most tokens of one decode.
    """

    def __init__(self, path: Path, *, cells: int, sequences: int, batch: int, threads: int):
        import llama_cpp

        self._c = llama_cpp
        self._quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._quiet, None)  # the callback must outlive the library's use
        llama_cpp.llama_backend_init()
        loading = llama_cpp.llama_model_default_params()
        loading.n_gpu_layers = 0
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), loading)
        if not self._model:
            raise ArmFailed(f"llama.cpp cannot load {path}.")
        self._context = llama_cpp.llama_init_from_model(
            self._model, self._parameters(cells, sequences, batch, threads)
        )
        if not self._context:
            raise ArmFailed("llama.cpp cannot make a context: too little memory?")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._entries = llama_cpp.llama_batch_init(batch, 0, 1)
        vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)

    def _parameters(self, cells: int, sequences: int, batch: int, threads: int):
        chosen = self._c.llama_context_default_params()
        chosen.n_ctx, chosen.n_seq_max, chosen.kv_unified = cells, sequences, True
        chosen.n_batch = chosen.n_ubatch = batch
        chosen.n_outputs_max = sequences  # else room for logits of a whole batch is reserved
        chosen.n_threads = chosen.n_threads_batch = threads
        chosen.no_perf = True
        return chosen

    def decode(self, entries: Sequence[Entry]) -> bool:
        """Run a batch; False, and nothing done, if the KV has no room for it."""
        batch = self._entries
        batch.n_tokens = len(entries)
        for index, entry in enumerate(entries):
            batch.token[index], batch.pos[index] = entry.token, entry.position
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, entry.sequence
            batch.logits[index] = entry.asked
        result = self._c.llama_decode(self._context, batch)
        if result not in (0, NO_ROOM):
            raise ArmFailed(f"llama_decode returned {result}.")
        return result == 0

    def logits(self, index: int):
        """Logits (vocabulary,) after entry `index` of the last batch; valid until the next."""
        import numpy as np

        row = self._c.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(row, shape=(self._vocabulary,))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a sequence begin with another one's first tokens; the cells are shared."""
        self._c.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def cut(self, sequence: int, length: int) -> None:
        """Forget what a sequence holds after its first tokens."""
        if not self._c.llama_memory_seq_rm(self._memory, sequence, length, ALL):
            raise ArmFailed("llama.cpp cannot shorten a sequence of this model.")

    def close(self) -> None:
        self._c.llama_batch_free(self._entries)
        self._c.llama_free(self._context)
        self._c.llama_model_free(self._model)
