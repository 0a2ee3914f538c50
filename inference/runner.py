"""One step: one forward over all sequences that run, then sampling and scoring.

A sequence whose logits are NaN fails alone. A forward that raises is repeated sequence by
sequence, so that what broke it fails alone too.
"""

import logging
import math
from collections.abc import Iterator

import torch

from inference.cache import KVCache
from inference.grammar import Grammars
from inference.lean.segments import Append, Fork, Segment
from inference.loading import LoadedModel
from inference.planner import Planner
from inference.prefixes import Lease
from inference.preparation import prepare
from inference.sampling import sample
from inference.sequence import Kind, Sequence

logger = logging.getLogger(__name__)

# A token, scores by label, why it failed, or None: no more can be said in this step.
Outcome = int | dict[str, float] | Exception | None
Work = dict[Sequence, list[Segment]]
Logits = dict[Sequence, list[torch.Tensor] | Exception]


class Runner:
    """Runs sequences on a loaded model; to be used by one thread."""

    def __init__(self, loaded: LoadedModel):
        self._loaded = loaded
        self._model = loaded.model
        budget = loaded.config.kv_mb << 20
        self.cache = KVCache(loaded.model, budget)
        self._planner = Planner(loaded.model, self.cache)
        self._grammars = Grammars(loaded.tokenizer)
        added = loaded.tokenizer.get_added_vocab().values()
        self._control = torch.tensor(sorted(set(added) - loaded.stop_ids), dtype=torch.long)
        held = budget // loaded.model.bytes_a_token
        if held < loaded.context:
            logger.warning(
                "INFERENCE_KV_MB=%d holds %d tokens, the context is %d: longer prompts fail.",
                *(loaded.config.kv_mb, held, loaded.context),
            )

    @property
    def stop_ids(self) -> frozenset[int]:
        return self._loaded.stop_ids

    def run(self, batch: list[Sequence]) -> Iterator[tuple[Sequence, Outcome]]:
        """One step: the next token of every running reply, and what else is complete."""
        failed = self._prepare(batch)
        planned = self._planner.plan([each for each in batch if each not in failed])
        failed |= {each: done for each, done in planned.items() if isinstance(done, Exception)}
        work = {each: done for each, done in planned.items() if each not in failed and done}
        results = failed | self._forward(work)
        for sequence in batch:
            yield sequence, self._outcome(sequence, results.get(sequence))

    def release(self, sequence: Sequence, keep: bool = True) -> None:
        """The sequence is over: free its KV, or keep it for the conversation's next turn."""
        lease, sequence.lease = sequence.lease, None
        if lease is None:
            return
        if keep and sequence.output_ids:  # so its logits have been looked at: no NaN is kept
            self.cache.keep(lease, sequence.ids)
        else:
            self.cache.free(lease)

    def _prepare(self, batch: list[Sequence]) -> dict[Sequence, Exception]:
        failed = {}
        for sequence in batch:
            try:
                if not sequence.prompt_ids:
                    prepare(sequence, self._loaded, self._grammars)
            except Exception as error:
                failed[sequence] = error
        return failed

    def _forward(self, work: Work) -> Logits:
        segments = [segment for parts in work.values() for segment in parts]
        if len(segments) > self._model.at_once:
            return self._one_by_one(work)
        grown = [(each.kv, each.kv.length) for each in segments if isinstance(each, Append)]
        try:
            return self._together(work) if work else {}
        except Exception as error:
            if len(work) == 1:
                return dict.fromkeys(work, error)
        for kv, length in grown:
            kv.truncate(length)
        return self._one_by_one(work)

    def _together(self, work: Work) -> Logits:
        segments = [segment for parts in work.values() for segment in parts]
        logits = iter(self._model.forward(segments))
        return {each: [next(logits) for _ in parts] for each, parts in work.items()}

    def _one_by_one(self, work: Work) -> Logits:
        results = {}
        for sequence, parts in work.items():
            try:
                if _ready(parts):
                    results |= self._together({sequence: parts})
            except Exception as error:
                results[sequence] = error
        return results

    def _outcome(
        self, sequence: Sequence, result: list[torch.Tensor] | Exception | None
    ) -> Outcome:
        if result is None or isinstance(result, Exception):
            return result
        try:
            logits = _finite(result[-1])
            if len(logits) == 0:  # of a prompt that goes on
                return None
            say = self._next if sequence.decodes else self._done
            return say(sequence, logits)
        except Exception as error:
            return error

    def _next(self, sequence: Sequence, logits: torch.Tensor) -> int:
        if not sequence.output_ids:
            self.cache.keep_root(sequence.lease, sequence.shared)
        if sequence.writing:
            return sequence.writing.best(logits[0])
        settings, history = self._loaded.sampling, sequence.ids
        if sequence.is_reply:
            logits = sequence.said.allowed(logits[0]) if sequence.said else logits[0]
            return sample(logits, history, settings, sequence.random, sequence.work.greedy)
        # A thought is read again as text of this answer: it may end it, and do no more than that.
        plain = logits[0].index_fill(0, self._control, -torch.inf)
        return sample(plain, history, settings, sequence.random, greedy=True)

    def _done(self, sequence: Sequence, logits: torch.Tensor) -> dict[str, float]:
        """Log-probability of every whole label with its end; what others will need is kept."""
        if sequence.kind is Kind.LABEL and sequence.lease is not None:
            lease, sequence.lease = sequence.lease, None
            self._keep_trunk(sequence, lease)
        scores = label_scores(logits, sequence.label_ids)
        return dict(zip(sequence.work.labels, scores, strict=True))

    def _keep_trunk(self, sequence: Sequence, lease: Lease) -> None:
        trunk, ids = sequence.trunk, sequence.prompt_ids
        if trunk > sequence.shared:
            self.cache.keep_root(lease, sequence.shared)
        if trunk == len(ids) - 1:  # a message too long for one piece, of use to nobody else
            self.cache.free(lease)
        else:
            self.cache.keep(lease, ids[:trunk], root=trunk == sequence.shared)


def label_scores(logits: torch.Tensor, labels: list[list[int]]) -> list[float]:
    """Log-probabilities of labels from what their Fork gave, (1 + tokens fed, vocabulary)."""
    total = torch.logsumexp(logits, dim=-1)
    scores, row = [], 1
    for label in labels:
        rows = [0, *range(row, row + len(label) - 1)]
        scores.append((logits[rows, label] - total[rows]).sum().item())
        row += len(label) - 1
    return scores


def _ready(parts: list[Segment]) -> bool:
    """Whether what forks look at was computed: who was to append it may have failed."""
    forks = [part for part in parts if isinstance(part, Fork) and part.known]
    coming = {part.kv: part.positions.stop for part in parts if isinstance(part, Append)}
    return all(fork.known <= coming.get(fork.kv, fork.kv.length) for fork in forks)


def _finite(logits: torch.Tensor) -> torch.Tensor:
    if math.isnan(logits.sum()):  # one NaN is enough; looking for it takes twenty times as long
        raise FloatingPointError("The model gave NaN logits.")
    return logits
