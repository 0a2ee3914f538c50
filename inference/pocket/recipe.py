"""What a training step reads: a mix of conversations and labelled messages, by seed and step.

The examples of a step depend on nothing but the seed, the step and the corpora, so that a resumed
training sees exactly what an uninterrupted one would.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from inference import presets
from inference.pocket import (
    conversations,
    details,
    grammar,
    labelling,
    moods,
    noise,
    personas,
    repeating,
    wishes,
    wordings,
    wordnet,
)
from inference.pocket.corpora import Corpora, Opinion
from inference.pocket.dialogue import Conversation
from inference.pocket.sequences import (
    Batch,
    Branch,
    conversation_branch,
    grow,
    label_branch,
    lay_out,
    question_branch,
    wish_branch,
)
from inference.prompts import ChatPrompt
from inference.tasks import ChatMessage

_LONG_EVERY = 20  # every so many steps hold long conversations
_NUMBERLESS = 0.3  # share of conversations without a number to repeat that are left out
_ASKED = 0.1  # share of conversations that end with a task's question, not with a reply
_DETAILS = 0.05  # share of labelled rows that read what messages name
_DEFINED = 0.04  # share of labelled rows that tell what words mean, where a corpus does
_REPEATS = 0.08  # share of labelled rows that only repeat what a message holds
_OPENINGS = 0.36  # share of labelled rows that hold messages with how their replies begin
_WISHES = 0.1  # share of labelled rows that tell only what messages to the assistant want
_POSTED = 0.1  # share of English messages with a mood as they are posted in public
_QUOTED, _THINNED = 0.15, 0.3  # shares of their messages: a corpus's, and with words missing
_JOBS = {
    labelling.SENTIMENT: 0.74, labelling.STRICT: 0.05, labelling.URGENCY: 0.06,
    labelling.WANTS_HUMAN: 0.04, labelling.TOPIC: 0.08, labelling.LANGUAGE: 0.03,
}  # fmt: skip
_LANGUAGES = (0.35, 0.65)  # of generated moods beside corpora, which are nearly all English
_TARGETS = 512  # their number is a multiple of it
_BEGINNING = 16  # tokens of a reply by which it has come to the matter
_NUMBER = 12  # tokens more where it repeats a number
_FAR = 0.1  # share of branches moved far away, so that late positions are no surprise


@dataclass(frozen=True)
class Recipe:
    """The make-up of a batch: `label_share` of the rows hold labelled messages."""

    seed: int = 1
    rows: int = 8
    length: int = 512
    label_share: float = 0.7
    context: int = 4096
    spelled: int = 10000  # conversations that the tokenizer is trained on


def texts(recipe: Recipe, corpora: Corpora) -> Iterator[str]:
    """What the tokenizer is trained on; the fixed prompts often, so that they are few tokens."""
    rng = random.Random(f"{recipe.seed}:tokenizer")
    for _ in range(recipe.spelled // 20):
        yield from (presets.REPLY_SYSTEM, "user\n", "assistant\n", "system\n")
        for task in presets.TASKS:
            yield from (task.prompt, *task.names)
    for _ in range(recipe.spelled):
        for turn in conversations.conversation(rng).turns:
            yield from (turn.text, turn.reply)
    for _ in range(recipe.spelled * 6):
        yield moods.message(rng, rng.choice(grammar.LANGUAGES)).text
    yield from corpora.texts()


def batch(recipe: Recipe, step: int, prompt: ChatPrompt, corpora: Corpora) -> Batch:
    """The batch of one step. Every few steps has fewer but four times longer rows."""
    rng = random.Random(f"{recipe.seed}:{step}")
    long = step % _LONG_EVERY == _LONG_EVERY - 1
    length = recipe.length * 4 if long else recipe.length
    rows = max(1, recipe.rows // 4) if long else recipe.rows
    label_rows = 0 if long else sum(rng.random() < recipe.label_share for _ in range(rows))
    trees = []
    for _ in range(label_rows):
        trees += grow(_labelled(rng, prompt, corpora, length), length, 1)
    if label_rows < rows:
        told = _told(rng, prompt, corpora, length, long)
        trees += grow(told, length, rows - label_rows)
    for tree in trees:
        for branch in tree.branches:
            _move(branch, rng, recipe.context - len(tree.prefix))
    return lay_out(trees, length, pad=_TARGETS)


def _move(branch: Branch, rng: random.Random, room: int) -> None:
    if rng.random() < _FAR:
        branch.offset = rng.randrange(max(1, room - len(branch.ids)))


def _labelled(
    rng: random.Random, prompt: ChatPrompt, corpora: Corpora, length: int
) -> Iterator[tuple[list[int], Branch]]:
    """Messages of one job: to be repeated, what they name or want, or one task in one wording."""
    if rng.random() < _REPEATS:
        yield from _repeated(rng, prompt, length)
    if corpora.meanings and rng.random() < _DEFINED:
        yield from _defined(rng, prompt, corpora, length)
    if rng.random() < _DETAILS:
        yield from _named(rng, prompt, length)
    if rng.random() < _OPENINGS:
        yield from _opened(rng, prompt, corpora, length)
    if rng.random() < _WISHES:
        yield from _wished(rng, prompt, corpora, length)
    slug = rng.choices(tuple(_JOBS), tuple(_JOBS.values()))[0]
    system = wordings.wording(rng, labelling.TASKS[slug])
    while True:
        text, label, shares = _example(rng, corpora, slug)
        if slug == labelling.SENTIMENT and text.isascii() and rng.random() < _POSTED:
            text = noise.posted(text, rng)
        yield label_branch(prompt, system, text, label, length, shares=shares)


def _example(rng: random.Random, corpora: Corpora, slug: str) -> Opinion:
    languages = (1.0, 1.0)
    if slug in (labelling.SENTIMENT, labelling.STRICT):
        opinion, names = corpora.opinion(rng), set(labelling.TASKS[slug].names)
        if opinion and opinion.label in names:
            return opinion.among(names)
        languages = _LANGUAGES if corpora.train else languages
    message = moods.message(rng, rng.choices(grammar.LANGUAGES, languages)[0], slug)
    return Opinion(message.text, message.labels[slug])


def _named(
    rng: random.Random, prompt: ChatPrompt, length: int
) -> Iterator[tuple[list[int], Branch]]:
    while True:
        message = moods.of_intent(rng, rng.choice(grammar.LANGUAGES))
        if found := details.details(message):
            yield label_branch(prompt, presets.DETAILS, message.text, found, length, 1.0)


def _repeated(
    rng: random.Random, prompt: ChatPrompt, length: int
) -> Iterator[tuple[list[int], Branch]]:
    while True:
        text, told = repeating.roll(rng, rng.choice(grammar.LANGUAGES))
        yield label_branch(prompt, repeating.PROMPT, text, told, length, 1.0)


def _defined(
    rng: random.Random, prompt: ChatPrompt, corpora: Corpora, length: int
) -> Iterator[tuple[list[int], Branch]]:
    """Words by their meanings and the other way round: no template knows as many words."""
    while True:
        yield label_branch(prompt, *definition(rng, corpora), length, 1.0)


def definition(rng: random.Random, corpora: Corpora) -> tuple[str, str, str]:
    """A prompt, what it is asked of, and the answer: a word's meaning or a meaning's word."""
    word, meaning = rng.choice(corpora.meanings)
    if rng.random() < 0.5:
        return wordnet.PROMPT_MEANING, word, meaning
    return wordnet.PROMPT_WORD, meaning, word


def _opened(
    rng: random.Random, prompt: ChatPrompt, corpora: Corpora, length: int
) -> Iterator[tuple[list[int], Branch]]:
    """First messages with the first words of their replies: there is room for twice as many, and
    by then it shows what was understood."""
    while True:
        asked = corpora.question(rng)
        told = conversations.conversation(rng, asked=asked, length=1)
        wanted = [wishes.number(told.turns[0].intent)]
        cut = _BEGINNING + _NUMBER * _repeats_a_number(told)
        yield conversation_branch(prompt, told.messages(), length, wanted, cut=cut)


def _wished(
    rng: random.Random, prompt: ChatPrompt, corpora: Corpora, length: int
) -> Iterator[tuple[list[int], Branch]]:
    """Messages to the assistant by what they want: many more than there is room to answer."""
    system, _ = personas.draw(rng)
    while True:
        if corpora.questions and rng.random() < _QUOTED:
            text, intent = rng.choice(corpora.questions)
        else:
            message = moods.of_intent(rng, rng.choice(grammar.LANGUAGES))
            text, intent = message.text, message.intent
        if rng.random() < _THINNED:
            text = noise.thinned(text, rng)
        yield wish_branch(prompt, system, text, wishes.number(intent), length)


def _repeats_a_number(told: Conversation) -> bool:
    return any(re.search(r"\d{3}", turn.reply) for turn in told.turns)


def _told(
    rng: random.Random,
    prompt: ChatPrompt,
    corpora: Corpora,
    length: int,
    long: bool,
) -> Iterator[tuple[list[int], Branch]]:
    while True:
        told = conversations.conversation(rng, asked=corpora.question(rng))
        if rng.random() < _NUMBERLESS and not _repeats_a_number(told):
            continue
        while long and len(told.turns) < 24:
            told.turns += conversations.conversation(rng, told.turns[0].language).turns
        if rng.random() < _ASKED and (asked := _question(rng, told)):
            yield question_branch(prompt, *asked, length)
        else:
            wanted = [wishes.number(turn.intent) for turn in told.turns]
            yield conversation_branch(prompt, told.messages(), length, wanted)


def _question(rng: random.Random, told: Conversation) -> tuple[list[ChatMessage], str, str] | None:
    """A conversation up to one message, a task's question about it, and the label."""
    turn = rng.randrange(len(told.turns))
    slug = rng.choices(tuple(_JOBS), tuple(_JOBS.values()))[0]
    label = told.turns[turn].labels.get(slug)
    if label is None:
        return None
    return told.until(turn), wordings.wording(rng, labelling.TASKS[slug]), label
