"""What a training step reads: a mix of conversations and labelled messages, by seed and step.

The examples of a step depend on nothing but the seed, the step and the corpora, so that a resumed
training sees exactly what an uninterrupted one would.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from inference import presets
from inference.pocket import conversations, grammar, moods
from inference.pocket.corpora import Corpora
from inference.pocket.sequences import (
    Batch,
    Branch,
    conversation_branch,
    grow,
    label_branch,
    lay_out,
)
from inference.prompts import ChatPrompt

SENTIMENT = presets.SENTIMENT.prompt
LABELS = tuple(label["name"] for label in presets.SENTIMENT.labels)
_LONG_EVERY = 20  # every so many steps hold long conversations
_FAR = 0.1  # share of branches moved far away, so that late positions are no surprise


@dataclass(frozen=True)
class Recipe:
    """The make-up of a batch: `mood_share` of the rows hold labelled messages."""

    seed: int = 1
    rows: int = 4
    length: int = 512
    mood_share: float = 0.35
    context: int = 4096
    numbers_from: int = 3000  # step from which most conversations have a number to repeat
    spelled: int = 6000  # conversations that the tokenizer is trained on


def texts(recipe: Recipe, corpora: Corpora) -> Iterator[str]:
    """What the tokenizer is trained on; the fixed prompts often, so that they are few tokens."""
    rng = random.Random(f"{recipe.seed}:tokenizer")
    for _ in range(recipe.spelled // 20):
        yield from (presets.REPLY_SYSTEM, SENTIMENT, *LABELS, "user\n", "assistant\n", "system\n")
    for _ in range(recipe.spelled):
        for turn in conversations.conversation(rng).turns:
            yield from (turn.text, turn.reply)
    for _ in range(recipe.spelled * 4):
        yield moods.message(rng, rng.choice(grammar.LANGUAGES))[0]
    yield from corpora.texts()


def batch(recipe: Recipe, step: int, prompt: ChatPrompt, corpora: Corpora) -> Batch:
    """The batch of one step. Every few steps has fewer but four times longer rows."""
    rng = random.Random(f"{recipe.seed}:{step}")
    long = step % _LONG_EVERY == _LONG_EVERY - 1
    length = recipe.length * 4 if long else recipe.length
    rows = max(1, recipe.rows // 4) if long else recipe.rows
    mood_rows = 0 if long else sum(rng.random() < recipe.mood_share for _ in range(rows))
    trees = grow(_labelled(rng, prompt, corpora, length), length, mood_rows) if mood_rows else []
    if mood_rows < rows:
        trees += grow(
            _told(rng, prompt, corpora, length, long, step >= recipe.numbers_from),
            length,
            rows - mood_rows,
        )
    for tree in trees:
        for branch in tree.branches:
            _move(branch, rng, recipe.context - len(tree.prefix))
    return lay_out(trees, length)


def _move(branch: Branch, rng: random.Random, room: int) -> None:
    if rng.random() < _FAR:
        branch.offset = rng.randrange(max(1, room - len(branch.ids)))


def _labelled(
    rng: random.Random, prompt: ChatPrompt, corpora: Corpora, length: int
) -> Iterator[tuple[list[int], Branch]]:
    while True:
        text, label = corpora.opinion(rng) or moods.message(rng, rng.choice(grammar.LANGUAGES))
        yield label_branch(prompt, SENTIMENT, text, label, length)


def _repeats_a_number(told: conversations.Conversation) -> bool:
    return any(re.search(r"\d{3}", turn.reply) for turn in told.turns)


def _told(
    rng: random.Random,
    prompt: ChatPrompt,
    corpora: Corpora,
    length: int,
    long: bool,
    numbers: bool,
) -> Iterator[tuple[list[int], Branch]]:
    while True:
        told = conversations.conversation(rng, asked=corpora.question(rng))
        if numbers and not _repeats_a_number(told) and rng.random() < 0.75:
            continue
        while long and len(told.turns) < 24:
            told.turns += conversations.conversation(rng, told.turns[0].language).turns
        yield conversation_branch(prompt, told.messages(), length)
