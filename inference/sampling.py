"""From logits to the next token, as the model's own generation config wants it."""

from dataclasses import dataclass

import torch

BLOCK = 128  # tokens whose highest logit is looked at first


@dataclass(frozen=True)
class Sampling:
    """Settings with the meaning that transformers gives them. `do_sample=False` is greedy."""

    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 0  # 0: all
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    @classmethod
    def from_generation_config(cls, config) -> "Sampling":
        """What the model ships with; greedy where it ships nothing."""
        temperature = config.temperature if config.temperature is not None else 1.0
        return cls(
            do_sample=bool(config.do_sample) and temperature > 0,
            temperature=temperature,
            top_k=50 if config.top_k is None else config.top_k,  # as generate() does
            top_p=config.top_p if config.top_p is not None else 1.0,
            min_p=config.min_p or 0.0,
            repetition_penalty=config.repetition_penalty or 1.0,
        )


def sample(
    logits: torch.Tensor,
    history: list[int],
    settings: Sampling,
    generator: torch.Generator,
    greedy: bool = False,
) -> int:
    """The next token.

    Args:
        logits: (vocabulary,), float32, on the CPU.
        history: the prompt and what was generated, for the repetition penalty.
        generator: private to the sequence, so that its draws do not depend on its neighbours.
    """
    logits = _penalised(logits, history, settings.repetition_penalty)
    if greedy or not settings.do_sample:
        return int(logits.numpy().argmax())  # ten times as fast as torch's
    count = min(settings.top_k, logits.numel()) if settings.top_k > 0 else logits.numel()
    best, tokens = _best(logits, count)
    probabilities = torch.softmax(best / settings.temperature, dim=-1)
    # Nucleus (Holtzman et al. 2020): up to and including the token that reaches top_p.
    keep = probabilities.cumsum(-1) - probabilities < settings.top_p
    keep &= probabilities >= settings.min_p * probabilities[0]
    keep[0] = True
    drawn = torch.multinomial(probabilities * keep, 1, generator=generator)
    return int(tokens[drawn])


def _best(logits: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The highest logits in order, and their tokens.

    They lie in the blocks with the highest maxima, so a large vocabulary need not be sorted.
    """
    blocks = len(logits) // BLOCK
    if count > blocks // 4:
        return torch.topk(logits, count)
    whole = blocks * BLOCK
    chosen = torch.topk(logits[:whole].view(blocks, BLOCK).amax(dim=1), count).indices
    inside = (chosen[:, None] * BLOCK + torch.arange(BLOCK)).flatten()
    tokens = torch.cat((inside, torch.arange(whole, len(logits))))
    best, places = torch.topk(logits[tokens], count)
    return best, tokens[places]


def _penalised(logits: torch.Tensor, history: list[int], penalty: float) -> torch.Tensor:
    """Keskar et al. 2019 (CTRL): what was said before becomes less likely."""
    if penalty == 1.0:
        return logits
    seen = torch.tensor(list(set(history)))
    scores = logits[seen]
    return logits.index_copy(0, seen, torch.where(scores < 0, scores * penalty, scores / penalty))
