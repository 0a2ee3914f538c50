"""JSON that a schema allows, token by token: what may come next, and what must.

llguidance reads the model's vocabulary once, which takes a large one about a second, so that is
left to the first request that asks for JSON.
"""

from functools import cached_property

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer

from inference.schemas import grammar


class Grammars:
    """Makes the Writing of each request.

    Args:
        tokenizer: the model's, a fast one.
    """

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def writing(self, schema: str) -> "Writing":
        """Nothing is written yet of what this schema allows.

        Raises:
            ValueError: the schema cannot be followed.
        """
        return Writing(LLMatcher(self._vocabulary, grammar(schema), log_level=0))

    @cached_property
    def _vocabulary(self) -> LLTokenizer:
        return from_tokenizer(self._tokenizer)


class Writing:
    """A JSON object as far as it is written."""

    def __init__(self, matcher: LLMatcher):
        self._matcher = matcher
        self._check()

    @property
    def complete(self) -> bool:
        """Whether the object is closed: nothing can follow it."""
        return self._matcher.is_accepting()

    def best(self, logits: torch.Tensor) -> int:
        """The likeliest of the tokens that may come next.

        Args:
            logits: (vocabulary,), on the CPU.

        Raises:
            ValueError: the grammar has become too complex to follow.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        allowed = np.flatnonzero(np.unpackbits(bits, bitorder="little")[: len(logits)])
        tokens = torch.from_numpy(allowed)
        return int(tokens[logits[tokens].argmax()])

    def advance(self, token: int, room: int) -> list[int]:
        """Take the next token, and of those that must follow it, which need no forward to be
        chosen, as many as there is room for: these.

        What goes wrong here is told by `best`, when more is to be written.
        """
        self._matcher.consume_token(token)
        forced = [] if self._matcher.is_stopped() else self._matcher.compute_ff_tokens()[:room]
        self._matcher.consume_tokens(forced)
        return forced

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ValueError(f"The schema cannot be followed: {self._matcher.get_error()}")
