"""From what was asked to token ids: everything a sequence needs before its first forward."""

import secrets

import torch

from inference.detokenizer import Detokenizer
from inference.errors import PromptTooLong
from inference.loading import LoadedModel
from inference.planner import PREFILL_CHUNK
from inference.prompts import ChatPrompt
from inference.sequence import Sequence
from inference.tasks import ChatMessage

Messages = tuple[ChatMessage, ...]


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
    if not sequence.is_reply:
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


def _trunk(sequence: Sequence, prompt: ChatPrompt) -> int:
    """Leading ids of a label's prompt that are worth keeping: what others will ask of again.

    Behind a conversation that is all but the question, so that the reply goes on from there; else
    the task's system prompt. What is left runs in one piece: if that is too long, all of it is
    computed in chunks, and only its last token is left.
    """
    ids = sequence.prompt_ids
    trunk = min(_before_question(sequence, prompt), len(ids) - 1)
    return trunk if len(ids) - trunk <= PREFILL_CHUNK else len(ids) - 1


def _before_question(sequence: Sequence, prompt: ChatPrompt) -> int:
    """How many ids stand before the last message, where others come before it."""
    system, turns = _split_system(sequence.work.messages)
    if len(turns) < 2:
        return sequence.shared
    question = prompt.encode((*system, turns[-1]))[sequence.shared :]
    ids = sequence.prompt_ids
    cut = ids[-len(question) :] != question  # it lost its middle, or was merged with a turn
    return sequence.shared if cut else len(ids) - len(question)


def _split_system(messages: Messages) -> tuple[Messages, Messages]:
    """The system message, if there is one, and the turns."""
    first = int(messages[0].role == "system")
    return messages[:first], messages[first:]
