"""The forward pass: one token for every running reply, all labels of a task at once.

Each sequence has its own forward, so what fails or is NaN in one never touches another.
"""

import logging
import secrets
from collections.abc import Iterator

import torch

from inference.cache import KVCache
from inference.detokenizer import Detokenizer
from inference.errors import PromptTooLong
from inference.loading import LoadedModel
from inference.sampling import sample
from inference.sequence import Sequence

logger = logging.getLogger(__name__)

# Their attention takes any mask as it is, in every layer; checked against plain transformers.
TREE_ARCHITECTURES = {"llama", "qwen2", "qwen3"}

Outcome = int | dict[str, float] | Exception  # a token, scores by label, or why not


class Runner:
    """Runs sequences on a loaded model; to be used by one thread."""

    def __init__(self, loaded: LoadedModel):
        self._loaded = loaded
        self._model = loaded.model
        self.cache = KVCache(loaded.model.config, loaded.config.kv_mb << 20)
        self._tree = _takes_tree_mask(loaded.model.config)
        if not self._tree:
            kind = loaded.model.config.model_type
            logger.warning("Labels of %s models run as one batch, not as one row: slower.", kind)

    @property
    def stop_ids(self) -> frozenset[int]:
        return self._loaded.stop_ids

    def run(self, batch: list[Sequence]) -> Iterator[tuple[Sequence, Outcome]]:
        """One step: the next token of every reply, the scores of every classification."""
        for sequence in batch:
            try:
                yield sequence, self._step(sequence)
            except Exception as error:
                yield sequence, error

    def release(self, sequence: Sequence, keep: bool = True) -> None:
        """The sequence is over: free its KV, or keep it for the conversation's next turn."""
        kv, sequence.kv = sequence.kv, None
        if keep and kv is not None:
            ids = sequence.prompt_ids + sequence.output_ids
            self.cache.keep(ids[: kv.get_seq_length()], kv)

    @torch.inference_mode()
    def _step(self, sequence: Sequence) -> int | dict[str, float]:
        if not sequence.prompt_ids:
            self._prepare(sequence)
        return self._next_token(sequence) if sequence.is_reply else self._score(sequence)

    def _prepare(self, sequence: Sequence) -> None:
        prompt, work = self._loaded.prompt, sequence.work
        if sequence.is_reply:
            asked = work.max_new_tokens or self._loaded.max_new_tokens
            sequence.limit = min(asked, self._loaded.max_new_tokens)
            sequence.detokenizer = Detokenizer(self._decode)
            seed = secrets.randbits(63) if work.seed is None else work.seed
            sequence.random = torch.Generator().manual_seed(seed)
            room = self._loaded.context - sequence.limit
        else:
            sequence.label_ids = [prompt.label(label) for label in work.labels]
            room = self._loaded.context - max(map(len, sequence.label_ids))
        if room <= 0:
            raise PromptTooLong("Nothing fits beside the answer: raise INFERENCE_CONTEXT.")
        sequence.prompt_ids, sequence.truncated = prompt.fit(work.messages, room)
        sequence.shared = prompt.shared(work.messages)

    def _decode(self, ids: list[int]) -> str:
        return self._loaded.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )

    def _next_token(self, sequence: Sequence) -> int:
        if sequence.kv is None:
            kv, known = self.cache.start(sequence.prompt_ids)
            logits = self._forward(sequence.prompt_ids[known:], kv)
            self._keep_root(sequence, kv, known)
            sequence.kv = kv
        else:
            logits = self._forward(sequence.output_ids[-1:], sequence.kv)
        history = sequence.prompt_ids + sequence.output_ids
        settings, greedy = self._loaded.sampling, sequence.work.greedy
        return sample(logits, history, settings, sequence.random, greedy)

    def _forward(self, ids: list[int], kv) -> torch.Tensor:
        """Logits (vocabulary,) after the last of `ids`; `kv` grows by them."""
        rows = torch.tensor([ids], device=self._loaded.device)
        output = self._model(input_ids=rows, past_key_values=kv, use_cache=True, logits_to_keep=1)
        return _finite(output.logits[0, -1].float().cpu())

    def _keep_root(self, sequence: Sequence, kv, known: int) -> None:
        if known < sequence.shared:
            self.cache.keep(sequence.prompt_ids[: sequence.shared], kv, root=True)

    def _score(self, sequence: Sequence) -> dict[str, float]:
        """Log-probability of every whole label with its end, from one forward."""
        score = self._score_row if self._tree else self._score_batch
        return dict(zip(sequence.work.labels, score(sequence), strict=True))

    def _score_row(self, sequence: Sequence) -> list[float]:
        """All labels behind the prompt in one row: each sees the prompt and itself."""
        prompt, labels = sequence.prompt_ids, sequence.label_ids
        kv, known = self.cache.start(prompt)
        fed = [label[:-1] for label in labels]  # nothing is asked of what follows an end
        ids = prompt[known:] + [each for label in fed for each in label]
        positions = list(range(known, len(prompt)))
        for label in fed:
            positions += range(len(prompt), len(prompt) + len(label))
        first = len(prompt) - known - 1  # the row that predicts every label's first token
        output = self._model(
            input_ids=torch.tensor([ids], device=self._loaded.device),
            position_ids=torch.tensor([positions], device=self._loaded.device),
            attention_mask=self._tree_mask(known, len(prompt) - known, [len(f) for f in fed]),
            past_key_values=kv,
            use_cache=True,
            logits_to_keep=torch.arange(first, len(ids), device=self._loaded.device),
        )
        logprobs = torch.log_softmax(_finite(output.logits[0].float().cpu()), dim=-1)
        self._keep_root(sequence, kv, known)  # not before NaN was ruled out
        scores, row = [], 1
        for label in labels:
            rows = [0, *range(row, row + len(label) - 1)]
            scores.append(logprobs[rows, label].sum().item())
            row += len(label) - 1
        return scores

    def _tree_mask(self, known: int, prompt: int, labels: list[int]) -> torch.Tensor:
        """Additive mask (1, 1, new tokens, known + new tokens): 0 where one may look."""
        new = prompt + sum(labels)
        seen = torch.ones(new, known + new, dtype=torch.bool).tril(known)
        start = prompt
        for length in labels:
            seen[start : start + length, known + prompt : known + start] = False
            start += length
        dtype = self._model.dtype
        mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
        return mask[None, None].to(self._loaded.device)

    def _score_batch(self, sequence: Sequence) -> list[float]:
        """One row per label, padded on the right, where a causal model never looks."""
        prompt, labels = sequence.prompt_ids, sequence.label_ids
        longest = max(map(len, labels))
        rows = [prompt + label[:-1] + label[-1:] * (longest - len(label)) for label in labels]
        first = len(prompt) - 1
        output = self._model(
            input_ids=torch.tensor(rows, device=self._loaded.device),
            use_cache=False,
            logits_to_keep=torch.arange(first, first + longest, device=self._loaded.device),
        )
        scores = []
        for label, logits in zip(labels, output.logits, strict=True):
            logprobs = torch.log_softmax(_finite(logits[: len(label)].float().cpu()), dim=-1)
            scores.append(logprobs[range(len(label)), label].sum().item())
        return scores


def _takes_tree_mask(config) -> bool:
    layers = getattr(config, "layer_types", None) or ["full_attention"]
    return config.model_type in TREE_ARCHITECTURES and set(layers) == {"full_attention"}


def _finite(logits: torch.Tensor) -> torch.Tensor:
    if torch.isnan(logits).any():
        raise FloatingPointError("The model gave NaN logits.")
    return logits
