"""Generated replies to held-out questions: do they stop, keep the language, repeat the numbers?"""

import random
import re
from dataclasses import dataclass

import torch

from inference.pocket import conversations, grammar
from inference.pocket.dialogue import Conversation
from inference.prompts import ChatPrompt

_HAN = re.compile(r"[\u4e00-\u9fff]")
_NUMBER = re.compile(r"[A-Z0-9-]*\d[A-Z0-9-]*")
_LIMIT = 120  # tokens of a reply


@dataclass(frozen=True)
class ReplyReport:
    """Shares, 0 to 1. `copied`: the order number just given stands in the reply as it was given;
    `invented`: the reply holds a number that the conversation does not."""

    n: int
    stops: float
    language: float
    copied: float
    invented: float


def sample(seed: str, count: int) -> list[Conversation]:
    rng = random.Random(f"{seed}:asked")
    return [conversations.conversation(rng, grammar.LANGUAGES[i % 2]) for i in range(count)]


@torch.inference_mode()
def judge(model, tokenizer, told: list[Conversation], device: str = "cpu") -> ReplyReport:
    """Answer the last message of each conversation greedily and look at the answers."""
    model.eval()
    prompt = ChatPrompt(tokenizer)
    stops, language, copied, invented = [], [], [], []
    for each in told:
        text, stopped = answer(model, tokenizer, prompt, each.messages()[:-1], device)
        asked = " ".join(message.content for message in each.messages()[1:-1])
        wanted = set(_NUMBER.findall(each.turns[-1].reply))
        found = set(_NUMBER.findall(text))
        stops.append(stopped)
        language.append(bool(_HAN.search(text)) == bool(_HAN.search(each.turns[-1].reply)))
        invented.append(not found <= set(_NUMBER.findall(asked)))
        if wanted:
            copied.append(wanted <= found)
    return ReplyReport(len(told), *map(_share, (stops, language, copied, invented)))


def answer(model, tokenizer, prompt: ChatPrompt, messages, device: str = "cpu") -> tuple[str, bool]:
    """The greedy reply to `messages`, and whether it ended by itself."""
    ids = torch.tensor([prompt.encode(messages)], device=device)
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=_LIMIT,
        eos_token_id=sorted(prompt.stop_ids),
        pad_token_id=tokenizer.pad_token_id,
        temperature=None,
        top_p=None,
        top_k=None,
    )[0, ids.shape[1] :].tolist()
    stopped = bool(out) and out[-1] in prompt.stop_ids
    return tokenizer.decode(out, skip_special_tokens=True), stopped


def _share(hits: list[bool]) -> float:
    return round(sum(hits) / len(hits), 4) if hits else 1.0
