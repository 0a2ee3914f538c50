"""Messages to token ids. Pure: a tokenizer goes in, lists of ids come out.

The chat template is rendered with private sentinels where contents belong and is split at them.
Template pieces are encoded by the real tokenizer; contents by a copy that knows no added token.
So what people type never becomes a special token, whatever they type, sentinels included.
"""

import json
import re
import secrets
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from inference.errors import ModelError, PromptError, PromptTooLong
from inference.tasks import ChatMessage

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CHATML_TOKENS = {"<|im_start|>", "<|im_end|>"}
LEAST_KEPT = 16  # tokens of a last message that make an answer worth trying
NO_SYSTEM = ChatMessage("system", "")
RECENT = 256  # texts whose ids are kept: prompts and labels come again with every message


class PlainText:
    """Encodes text that people typed: no added token can come out of it.

    Its tokenizer shares the vocabulary of the model's, which takes 0.1 GB for 150,000 entries,
    and was never told of an added token.
    """

    def __init__(self, tokenizer):
        backend = tokenizer.backend_tokenizer
        self._plain = Tokenizer(backend.model)
        for part in ("normalizer", "pre_tokenizer"):
            if (shared := getattr(backend, part)) is not None:
                setattr(self._plain, part, shared)
        added = set(tokenizer.get_added_vocab().values())
        self._forbidden = added - _harmless_unknown(backend.model, tokenizer)
        self._recent = lru_cache(RECENT)(self._encode)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`.

        Raises:
            PromptError: the tokenizer has no way to spell the text without an added token.
        """
        return list(self._recent(text))

    def _encode(self, text: str) -> list[int]:
        ids = self._ids(text)
        if self._forbidden.isdisjoint(ids):
            return ids
        # A vocabulary may hold an added token as an ordinary entry too: spell the text out.
        ids = [each for character in text for each in self._ids(character)]
        if not self._forbidden.isdisjoint(ids):
            raise PromptError("The tokenizer cannot spell this text without a control token.")
        return ids

    def _ids(self, text: str) -> list[int]:
        return self._plain.encode(text, add_special_tokens=False).ids


def _harmless_unknown(model, tokenizer) -> set[int]:
    """The id of "unknown" in vocabularies that cannot spell everything, unless it ends a text."""
    if isinstance(model, Unigram):  # it tells its number only in its own description
        unknown = json.loads(model.__getstate__())["unk_id"]
    else:
        unknown = model.unk_token and tokenizer.convert_tokens_to_ids(model.unk_token)
    return {unknown} - {None, tokenizer.eos_token_id}


class ChatPrompt:
    """The model's own chat template, as a function from messages to ids.

    Raises:
        ModelError: the tokenizer has no usable chat template.
    """

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self._template = _template(tokenizer)
        self._plain = PlainText(tokenizer)
        self._nonce = secrets.token_hex(8)
        self._slot = re.compile(f"\ue000{self._nonce}:(\\d+)\ue001")
        self._pieces: dict[str, list[int]] = {}
        self._rendered = lru_cache(RECENT)(self._split)
        self._probe()

    def encode(self, messages: Sequence[ChatMessage], generate: bool = True) -> list[int]:
        """Ids of the messages; with `generate`, up to where the assistant's answer begins.

        A system message is put in front if there is none (some templates insert their own).

        Raises:
            PromptError: the template refuses this order of roles.
        """
        messages = self._acceptable(messages)
        contents = [self._content(each.content) for each in messages]
        return self._join([each.role for each in messages], contents, generate)

    def label(self, text: str) -> list[int]:
        """Ids of `text` as a whole answer: its content and the end of an assistant turn."""
        return self._content(text) + self.end_ids

    def text(self, text: str) -> list[int]:
        """Ids of `text` as a piece of an answer, spaces around it included."""
        return self._plain.encode(text)

    def shared(self, messages: Sequence[ChatMessage]) -> int:
        """How many leading ids of `encode(messages)` every prompt with this system text has."""
        system = self._acceptable(messages)[0]
        before, _, between, *_ = self._render(["system", "user"], True)
        return sum(map(len, (self._piece(before), self._piece(between)))) + len(
            self._content(system.content)
        )

    def fit(
        self, messages: Sequence[ChatMessage], budget: int, guidance: str = ""
    ) -> tuple[list[int], bool]:
        """Ids of at most `budget` tokens, and whether anything was left out for that.

        `guidance` comes behind the last message, as its own system message if the template has
        such a thing; it does not move the places at which turns are cut, so that what was computed
        for the turns before serves here too.

        The system message and the last message stay. Turns go in blocks, down to about half the
        budget, and at the same places however much later one asks: so the kept beginning stays
        the same for many turns and can be reused. A last message that is too long by itself loses
        its middle: people put what they want at the beginning or at the end.

        Raises:
            PromptTooLong: the system message leaves no room for even a short last message.
        """
        system, *turns = self._acceptable(messages)
        start = self._first_kept(system, turns, budget)
        turns, behind = self._guided(turns, guidance)
        ids = self.encode((system, *turns[start:], *behind))
        while len(ids) > budget and start < len(turns) - 1:
            start = _next_user(turns, start)
            ids = self.encode((system, *turns[start:], *behind))
        if len(ids) > budget:
            return self._without_middle(system, turns[-1], behind, len(ids) - budget), True
        return ids, start > 0

    def _guided(
        self, turns: list[ChatMessage], guidance: str
    ) -> tuple[list[ChatMessage], tuple[ChatMessage, ...]]:
        """The turns, and what comes behind them; without room for that, it is in the last turn."""
        if not guidance or self._hears_late:
            return turns, (ChatMessage("system", guidance),) if guidance else ()
        last = turns[-1]
        return [*turns[:-1], ChatMessage(last.role, f"{last.content}\n\n({guidance})")], ()

    def _without_middle(
        self,
        system: ChatMessage,
        last: ChatMessage,
        behind: Sequence[ChatMessage],
        excess: int,
    ) -> list[int]:
        content = self._content(last.content)
        keep = len(content) - excess
        if keep < LEAST_KEPT:
            raise PromptTooLong(
                f"The system message leaves {max(keep, 0)} tokens for the last message; it needs "
                f"{LEAST_KEPT} (INFERENCE_CONTEXT less INFERENCE_MAX_NEW_TOKENS)."
            )
        kept = content[: keep - keep // 2] + content[len(content) - keep // 2 :]
        contents = [
            self._content(system.content),
            kept,
            *(self._content(b.content) for b in behind),
        ]
        return self._join(["system", last.role, *(b.role for b in behind)], contents, True)

    def _join(self, roles: list[str], contents: list[list[int]], generate: bool) -> list[int]:
        parts = self._render(roles, generate)
        pieces = (contents[part] if isinstance(part, int) else self._piece(part) for part in parts)
        return [each for piece in pieces for each in piece]

    def _first_kept(self, system: ChatMessage, turns: list[ChatMessage], budget: int) -> int:
        """Replay the conversation: where each earlier prompt had to be cut, it was cut."""
        costs = [self._cost(turn) for turn in turns]
        total, start = self._fixed_cost + self._cost(system), 0
        for end, turn in enumerate(turns):
            total += costs[end]
            if turn.role != "user" or total <= budget:
                continue
            while start < end and (total > budget // 2 or turns[start].role != "user"):
                total -= costs[start]
                start += 1
        return start

    def _cost(self, message: ChatMessage) -> int:
        return len(self._content(message.content)) + self._turn_cost

    def _acceptable(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        if not messages or messages[0].role != "system":
            messages = (NO_SYSTEM, *messages)
        return _merge_repeats(messages) if self._alternates else list(messages)

    def _content(self, text: str) -> list[int]:
        return self._plain.encode(text.strip() if self._trims else text)

    def _piece(self, text: str) -> list[int]:
        if text not in self._pieces:
            encoded = self._tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
            self._pieces[text] = encoded.ids
        return self._pieces[text]

    def _render(self, roles: Sequence[str], generate: bool) -> tuple[str | int, ...]:
        """The template's pieces with the index of a message wherever its content belongs."""
        return self._rendered(tuple(roles), generate, date.today())  # some templates tell the date

    def _split(self, roles: Sequence[str], generate: bool, _day: date) -> tuple[str | int, ...]:
        contents = [f"\ue000{self._nonce}:{index}\ue001" for index in range(len(roles))]
        try:
            text = self._apply(roles, contents, generate)
        except TemplateError as error:
            raise PromptError(f"The model's chat template refuses these roles: {error}") from error
        parts: list[str | int] = list(self._slot.split(text))
        parts[1::2] = [int(index) for index in parts[1::2]]
        if parts[1::2] != list(range(len(roles))):
            raise PromptError("The model's chat template drops or repeats messages.")
        return tuple(parts)

    def _apply(self, roles: Sequence[str], contents: Sequence[str], generate: bool) -> str:
        return self._tokenizer.apply_chat_template(
            [{"role": r, "content": c} for r, c in zip(roles, contents, strict=True)],
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=generate,
            enable_thinking=False,
        )

    def _probe(self) -> None:
        """Learn the template's habits: its end of a turn, trimming, what it costs and refuses."""
        try:
            closed = self._render(["system", "user", "assistant"], False)
        except PromptError as error:
            raise ModelError(f"INFERENCE_MODEL cannot be used for chat. {error}") from error
        self.end_ids, self.stop_ids = self._ends(self._piece(closed[-1]))
        self._trims = "  x  " not in self._apply(["system", "user"], ["s", "  x  "], True)
        self._alternates = self._refuses(["system", "user", "user"])
        self._hears_late = not self._refuses(["system", "user", "system"])
        short, long = (self._length(["system"] + ["user", "assistant"] * n) for n in (1, 2))
        self._turn_cost = -(-(long - short) // 2)
        self._fixed_cost = self._length(["system", "user"]) - 2 * self._turn_cost

    def _ends(self, tail: list[int]) -> tuple[list[int], frozenset[int]]:
        added = set(self._tokenizer.get_added_vocab().values())
        eos = self._tokenizer.eos_token_id
        length = next((n for n, each in enumerate(tail, 1) if each in added), None)
        if length is not None:
            return tail[:length], frozenset({tail[length - 1], eos} - {None})
        if eos is None:
            raise ModelError("INFERENCE_MODEL has no token that ends an answer (eos_token).")
        return [eos], frozenset({eos})

    def _refuses(self, roles: list[str]) -> bool:
        try:
            self._render(roles, True)
        except PromptError:
            return True
        return False

    def _length(self, roles: list[str]) -> int:
        pieces = self._render(roles, roles[-1] == "user")
        return sum(len(self._piece(each)) for each in pieces if isinstance(each, str))


def _template(tokenizer) -> str:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if template:
        return template
    if CHATML_TOKENS.issubset(tokenizer.get_vocab()):
        return CHATML
    raise ModelError(
        "INFERENCE_MODEL has no chat template and its vocabulary has no ChatML tokens "
        "(<|im_start|>, <|im_end|>): choose a chat or instruct model."
    )


def _merge_repeats(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """One message where several of one role follow each other, for templates that insist."""
    merged: list[ChatMessage] = []
    for message in messages:
        if merged and merged[-1].role == message.role:
            merged[-1] = ChatMessage(message.role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(message)
    return merged


def _next_user(turns: Sequence[ChatMessage], start: int) -> int:
    """Where the next turn of the user is after `start`, since templates may insist on one."""
    after = range(start + 1, len(turns) - 1)
    return next((at for at in after if turns[at].role == "user"), len(turns) - 1)
