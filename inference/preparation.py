"""From what was asked to token ids: everything a sequence needs before its first forward."""

import secrets
from itertools import takewhile

import torch

from inference.detokenizer import Detokenizer
from inference.errors import PromptTooLong
from inference.loading import LoadedModel
from inference.planner import PREFILL_CHUNK
from inference.sequence import Sequence


def prepare(sequence: Sequence, loaded: LoadedModel) -> None:
    """Encode a sequence's prompt and set its limits.

    Raises:
        PromptError: its messages cannot be a prompt for this model, or do not fit the context.
    """
    answer = _reply(sequence, loaded) if sequence.is_reply else _labels(sequence, loaded)
    if loaded.context <= answer:
        raise PromptTooLong("Nothing fits beside the answer: raise INFERENCE_CONTEXT.")
    prompt, messages = loaded.prompt, sequence.work.messages
    sequence.prompt_ids, sequence.truncated = prompt.fit(messages, loaded.context - answer)
    sequence.shared = prompt.shared(messages)
    sequence.trunk = _trunk(sequence, prompt)


def _reply(sequence: Sequence, loaded: LoadedModel) -> int:
    """Most tokens of the answer."""
    work = sequence.work
    asked = work.max_new_tokens or loaded.max_new_tokens
    sequence.limit = min(asked, loaded.max_new_tokens)
    sequence.detokenizer = Detokenizer(lambda ids: _decoded(ids, loaded.tokenizer))
    seed = secrets.randbits(63) if work.seed is None else work.seed
    sequence.random = torch.Generator().manual_seed(seed)
    return sequence.limit


def _decoded(ids: list[int], tokenizer) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _labels(sequence: Sequence, loaded: LoadedModel) -> int:
    """Most tokens of a label."""
    sequence.label_ids = [loaded.prompt.label(label) for label in sequence.work.labels]
    return max(map(len, sequence.label_ids))


def _trunk(sequence: Sequence, prompt) -> int:
    """Leading ids of a label's prompt that are worth keeping: what others will ask of again.

    Behind a conversation that is all but the question, so that the reply goes on from there; else
    the task's system prompt. What is left runs in one piece: if that is too long, all of it is
    computed in chunks, and only its last token is left.
    """
    ids, turns = sequence.prompt_ids, sequence.work.messages
    trunk = sequence.shared
    if sum(each.role != "system" for each in turns) > 1:
        trunk = _common(ids, prompt.encode(turns[:-1], generate=False))
    if len(ids) - trunk > PREFILL_CHUNK:
        return len(ids) - 1
    return min(trunk, len(ids) - 1)


def _common(one: list[int], other: list[int]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
