"""From what was asked to token ids: everything a sequence needs before its first forward."""

import secrets

import torch

from inference.detokenizer import Detokenizer
from inference.errors import PromptTooLong
from inference.grammar import Grammars
from inference.loading import LoadedModel
from inference.planner import PREFILL_CHUNK
from inference.prompts import ChatPrompt
from inference.sequence import Kind, Sequence
from inference.tasks import CLOSING, OPENING, ChatMessage, Extract

Messages = tuple[ChatMessage, ...]


def prepare(sequence: Sequence, loaded: LoadedModel, grammars: Grammars) -> None:
    """Encode a sequence's prompt and set its limits.

    Raises:
        PromptError: its messages cannot be a prompt for this model, or do not fit the context.
        ValueError: it asks for JSON by a schema that cannot be followed.
    """
    answer = _answer(sequence, loaded, grammars)
    if loaded.context <= answer:
        raise PromptTooLong("Nothing fits beside the answer: raise INFERENCE_CONTEXT.")
    prompt, messages = loaded.prompt, sequence.work.messages
    guidance = sequence.work.guidance if sequence.is_reply else ""
    budget = loaded.context - answer
    ids, sequence.truncated = prompt.fit(messages, budget, guidance)
    sequence.shared = prompt.shared(messages)
    sequence.prompt_ids = ids + (prompt.text(OPENING) if sequence.thinking else [])
    if sequence.kind is Kind.LABEL:
        sequence.trunk = _trunk(sequence, prompt)


def _answer(sequence: Sequence, loaded: LoadedModel, grammars: Grammars) -> int:
    """Most tokens of the answer, whatever it is."""
    work = sequence.work
    if sequence.is_reply:
        return _reply(sequence, loaded)
    if isinstance(work, Extract):
        sequence.writing = grammars.writing(work.schema)
        return _writes(sequence, loaded, work.max_new_tokens)
    return _labels(sequence, loaded) + (_thought(sequence, loaded) if work.think else 0)


def _reply(sequence: Sequence, loaded: LoadedModel) -> int:
    seed = secrets.randbits(63) if sequence.work.seed is None else sequence.work.seed
    sequence.random = torch.Generator().manual_seed(seed)
    if loaded.digits:
        messages, guidance = sequence.work.messages, sequence.work.guidance
        said = (*(message.content for message in messages), guidance)
        sequence.said = loaded.digits.said(said)
    return _writes(sequence, loaded, sequence.work.max_new_tokens)


def _thought(sequence: Sequence, loaded: LoadedModel) -> int:
    """Most tokens of a thought, with what stands around it."""
    sequence.thinking, sequence.closing = True, loaded.prompt.text(CLOSING)
    around = len(loaded.prompt.text(OPENING)) + len(sequence.closing)
    return _writes(sequence, loaded, sequence.work.think) + around


def _writes(sequence: Sequence, loaded: LoadedModel, asked: int | None) -> int:
    """Most tokens of a text, which may be asked to be shorter than configured."""
    sequence.limit = min(asked or loaded.max_new_tokens, loaded.max_new_tokens)
    sequence.detokenizer = Detokenizer(lambda ids: _decoded(ids, loaded.tokenizer))
    return sequence.limit


def _decoded(ids: list[int], tokenizer) -> str:
    """What `tokenizer.decode` gives without tidying spaces, and without its wrapping's time."""
    return tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=True)


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
    if len(turns) < 2 or sequence.work.examples:
        return sequence.shared
    question = prompt.encode((*system, turns[-1]))[sequence.shared :]
    ids = sequence.prompt_ids
    cut = ids[-len(question) :] != question  # it lost its middle, or was merged with a turn
    return sequence.shared if cut else len(ids) - len(question)


def _split_system(messages: Messages) -> tuple[Messages, Messages]:
    """The system message, if there is one, and the turns."""
    first = int(messages[0].role == "system")
    return messages[:first], messages[first:]
