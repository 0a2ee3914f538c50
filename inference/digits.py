"""Numbers of a reply: with `INFERENCE_NUMBERS=said` each of them stands in the conversation.

A number is a run of ASCII digits. In the reply every run is, whole, one that somebody wrote before,
the system prompt included: an order number is repeated digit by digit or not at all, and no date or
amount is made up. That holds for any model and any sampling, because what may not follow is never
drawn. Only a reply that is cut at its limit may end inside a number.
"""

import re
import unicodedata
from collections.abc import Iterable

import torch

_DIGITS = frozenset("0123456789")
_RUN = re.compile("[0-9]+")


class Digits:
    """The tokens of a vocabulary that hold digits, or nothing. `tokenizer` is a fast one."""

    def __init__(self, tokenizer):
        decode, added = tokenizer.backend_tokenizer.decode, tokenizer.get_added_vocab()
        before = tokenizer.encode("a", add_special_tokens=False)  # some drop a leading space
        start = len(decode(before, skip_special_tokens=True))
        texts = {
            token: decode([*before, token], skip_special_tokens=True)[start:]
            for piece, token in tokenizer.get_vocab().items()
            if piece in added or not _DIGITS.isdisjoint(piece)
        }
        self.texts = {  # a special token says nothing, and the number before it may go on
            token: text for token, text in texts.items() if not text or _RUN.search(text)
        }

    def said(self, texts: Iterable[str]) -> "Said":
        """A reply to these texts, of which nothing is written yet."""
        numbers = frozenset(number for text in texts for number in numbers_in(text))
        return Said(self.texts, numbers)


class Said:
    """How far the reply is inside one of the numbers that it may repeat."""

    def __init__(self, texts: dict[int, str], numbers: frozenset[str]):
        self._texts = texts
        self._numbers = numbers
        self._begun = {each[:end] for each in numbers for end in range(1, len(each) + 1)}
        self._run = ""  # the digits that the reply ends with

    def allowed(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits, shape (vocabulary,), with minus infinity where a token may not come next.

        Inside a number only its own digits may. Where no token spells them, it may end early.
        """
        fit = [token for token, text in self._texts.items() if self._after(text) is not None]
        if self._run and self._run not in self._numbers:
            going_on = [token for token in fit if self._texts[token][:1] in _DIGITS]
            if going_on:
                only = torch.full_like(logits, -torch.inf)
                only[going_on] = logits[going_on]
                return only
        others = torch.tensor(sorted(self._texts.keys() - set(fit)), dtype=torch.long)
        return logits.index_fill(0, others, -torch.inf)

    def push(self, token: int) -> None:
        """Take the next token."""
        self._run = self._after(self._texts.get(token, " ")) or ""

    def _after(self, text: str) -> str | None:
        """The digits that the reply ends with after `text`; None if it may not come next."""
        run = self._run
        for char in text:
            if char in _DIGITS:
                run += char
                if run not in self._begun:
                    return None
            else:
                if run and run not in self._numbers:
                    return None
                run = ""
        return run


def numbers_in(text: str) -> list[str]:
    """The runs of digits in a text; full-width ones count as what they stand for."""
    return _RUN.findall(unicodedata.normalize("NFKC", text))
