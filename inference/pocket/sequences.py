"""Training sequences as trees: one system prompt, then many branches that cannot see each other.

A system prompt costs as much as several short messages. So a row of a batch holds it once, followed
by independent branches; the attention mask and the positions make each branch see exactly what it
would see alone. The ids come from the product's own `ChatPrompt`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from inference.prompts import ChatPrompt
from inference.tasks import ChatMessage, conversation_context, message_context

USER_WEIGHT = 0.3  # of every third token that a customer wrote: language to learn, not to answer
LABEL_WEIGHT = 5.0  # of a label's tokens, which are few
DIGIT_WEIGHT = 3.0  # of a digit in a reply: numbers must be copied, and are few as well
FIRST_WEIGHT, FIRST = 2.0, 6  # of a reply's first tokens: what comes after follows from them
HEARD = (3, 8)  # tokens of a reply after which what was wanted is asked for once more


@dataclass
class Branch:
    """What follows a shared beginning. `weights[i]` is the loss weight of predicting `ids[i]`."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    offset: int = 0  # positions left free between the shared beginning and the branch
    wishes: list[tuple[int, int]] = field(default_factory=list)  # index in ids, number of intent
    others: list[tuple[int, int, float]] = field(default_factory=list)  # index, token and weight

    def add(self, ids: Sequence[int], weight: float) -> None:
        self.ids += ids
        self.weights += [weight] * len(ids)

    def add_heard(self, ids: Sequence[int]) -> None:
        """What a customer wrote. Scoring all of it would cost more than it teaches."""
        first = len(ids) % 3
        self.ids += ids
        self.weights += [USER_WEIGHT * (i % 3 == first) for i in range(len(ids))]

    def note(self, wish: int | None) -> None:
        """The customer has ended, and wants what the intent of this number stands for."""
        if wish is not None and self.ids:
            self.wishes.append((len(self.ids) - 1, wish))


@dataclass
class Tree:
    prefix: list[int]
    branches: list[Branch] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.prefix) + sum(len(branch.ids) for branch in self.branches)


@dataclass(frozen=True)
class Batch:
    """Rows of trees. All tensors on the CPU; R rows of T tokens, N weighted targets."""

    ids: torch.Tensor  # R, T
    positions: torch.Tensor  # R, T
    segment: torch.Tensor  # R, T: 0 the shared beginning, then the branches; -1 is padding
    source: torch.Tensor  # N, index into the flattened R*T: where a target is predicted
    target: torch.Tensor  # N, token ids
    weight: torch.Tensor  # N
    owner: torch.Tensor  # N, number of the branch in reading order
    asked: torch.Tensor  # W, index into the flattened R*T: where an answer is about to begin
    wish: torch.Tensor  # W, number of the intent that it answers; NOBODY for a filler


NOBODY = -100  # what cross_entropy leaves out


def conversation_branch(
    prompt: ChatPrompt,
    messages: Sequence[ChatMessage],
    limit: int,
    wishes: Iterable[int | None] = (),
    cut: int | None = None,
) -> tuple[list[int], Branch]:
    """The shared beginning (system message) and the turns that fit into `limit` tokens in all.

    `messages` are a system message, then user messages each followed by the assistant's; a further
    system message may stand between the two. `wishes` are the numbers of the turns' intents. With
    `cut`, only the first turn, and of its reply only so many tokens.
    """
    digits = {prompt.label(each)[0] for each in "0123456789"}
    first = prompt.encode(messages[:2])
    prefix = first[: prompt.shared(messages[:2])]
    branch = Branch()
    done, coming = len(prefix), iter(wishes)
    for end, message in enumerate(messages):
        if message.role != "assistant":
            continue
        asked = prompt.encode(messages[:end])
        answer = prompt.label(message.content)
        if len(asked) + len(answer) > limit:
            break
        branch.add_heard(asked[done:])
        wish = next(coming, None)
        branch.note(wish)
        for place, token in enumerate(answer[:cut]):
            first = FIRST_WEIGHT if place < FIRST else 1.0
            branch.add((token,), DIGIT_WEIGHT if token in digits else first)
            if place in HEARD:
                branch.note(wish)
        if cut:
            break
        done = len(asked) + len(answer)
    return prefix, branch


def label_branch(
    prompt: ChatPrompt,
    system: str,
    text: str,
    label: str,
    limit: int,
    weight: float = LABEL_WEIGHT,
    shares: Mapping[str, float] | None = None,
) -> tuple[list[int], Branch]:
    """The task's prompt, and a message cut to fit with its label as the whole answer.

    With `shares`, which sum to 1, the answer's beginning is each label's by its share.
    """
    messages = message_context(system, text)
    asked = prompt.encode(messages)
    answer = prompt.label(label)
    while len(asked) + len(answer) > limit:
        text = text[: len(text) * 2 // 3]
        asked = prompt.encode(message_context(system, text))
    shared = prompt.shared(messages)
    branch = Branch()
    branch.add_heard(asked[shared:])
    at = len(branch.ids)
    branch.add(answer, weight)
    if shares:
        branch.weights[at] = weight * shares[label]
        others = ((prompt.label(each)[0], p) for each, p in shares.items() if each != label)
        branch.others = [(at, token, weight * p) for token, p in others]
    return asked[:shared], branch


def wish_branch(
    prompt: ChatPrompt, system: str, text: str, wish: int, limit: int
) -> tuple[list[int], Branch]:
    """A message to the assistant with nothing to answer: only what it wants is learned.

    An empty branch where it does not fit into `limit` tokens.
    """
    messages = message_context(system, text)
    asked, shared = prompt.encode(messages), prompt.shared(messages)
    branch = Branch()
    if len(asked) <= limit:
        branch.add(asked[shared:], 0.0)
        branch.note(wish)
    return asked[:shared], branch


def question_branch(
    prompt: ChatPrompt, told: Sequence[ChatMessage], question: str, label: str, limit: int
) -> tuple[list[int], Branch]:
    """A conversation, a task's question about its last message, and the label as the answer.

    An empty branch where they do not fit into `limit` tokens. Only the label is learned: the
    conversation is learned elsewhere.
    """
    asked = prompt.encode(conversation_context(tuple(told), question))
    shared = prompt.shared(told)
    answer = prompt.label(label)
    branch = Branch()
    if len(asked) + len(answer) <= limit:
        branch.add(asked[shared:], 0.0)
        branch.add(answer, LABEL_WEIGHT)
    return asked[:shared], branch


def grow(branches: Iterable[tuple[list[int], Branch]], length: int, trees: int) -> list[Tree]:
    """`trees` full trees of at most `length` tokens, filled first fit from an endless stream."""
    open_trees: dict[tuple[int, ...], Tree] = {}
    full: list[Tree] = []
    for prefix, branch in branches:
        if not branch.ids:
            continue
        key = tuple(prefix)
        tree = open_trees.get(key)
        if tree and len(tree) + len(branch.ids) > length:
            full.append(open_trees.pop(key))
            tree = None
            if len(full) == trees:
                break
        if tree is None:
            tree = open_trees[key] = Tree(prefix)
        tree.branches.append(branch)
    full += list(open_trees.values())[: trees - len(full)]
    return full


def lay_out(trees: Sequence[Tree], length: int, pad: int = 1) -> Batch:
    """Rows of `length` tokens, one tree each; the rest of a row is padding that nothing sees.

    The numbers of targets and wishes are rounded up to a multiple of `pad` with targets that count
    for nothing: tensors of a new size at every step would scatter the memory of a long training.
    """
    rows = len(trees)
    ids = torch.zeros(rows, length, dtype=torch.long)
    positions = torch.zeros(rows, length, dtype=torch.long)
    segment = torch.full((rows, length), -1)
    targets: list[tuple[int, int, float, int]] = []
    wishes: list[tuple[int, int]] = []
    owner = 0
    for row, tree in enumerate(trees):
        start = len(tree.prefix)
        ids[row, :start] = torch.tensor(tree.prefix)
        positions[row, :start] = torch.arange(start)
        segment[row, :start] = 0
        at = start
        for number, branch in enumerate(tree.branches, 1):
            end = at + len(branch.ids)
            ids[row, at:end] = torch.tensor(branch.ids)
            first = start + branch.offset
            positions[row, at:end] = torch.arange(first, first + len(branch.ids))
            segment[row, at:end] = number
            targets += _targets(branch, row * length, start, at, owner)
            wishes += ((row * length + at + index, wish) for index, wish in branch.wishes)
            at, owner = end, owner + 1
    targets += [(0, 0, 0.0, 0)] * ((-len(targets) % pad) or pad * (not targets))
    wishes += [(0, NOBODY)] * ((-len(wishes) % pad) or pad * (not wishes))
    columns = [*zip(*targets, strict=True), *zip(*wishes, strict=True)]
    return Batch(
        ids=ids,
        positions=positions,
        segment=segment,
        source=torch.tensor(columns[0]),
        target=torch.tensor(columns[1]),
        weight=torch.tensor(columns[2]),
        owner=torch.tensor(columns[3]),
        asked=torch.tensor(columns[4]),
        wish=torch.tensor(columns[5]),
    )


def _targets(
    branch: Branch, row: int, start: int, at: int, owner: int
) -> Iterator[tuple[int, int, float, int]]:
    """The first token of a branch is predicted at the end of the shared beginning."""
    for index, (token, weight) in enumerate(zip(branch.ids, branch.weights, strict=True)):
        if weight:
            yield row + _before(index, start, at), token, weight, owner
    for index, token, weight in branch.others:
        yield row + _before(index, start, at), token, weight, owner


def _before(index: int, start: int, at: int) -> int:
    return start - 1 if index == 0 else at + index - 1


def visible(segment: torch.Tensor) -> torch.Tensor:
    """Shape (R, 1, T, T), bool: whether token i of a row may see token j of it."""
    length = segment.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segment.device).tril()
    same = segment[:, :, None] == segment[:, None, :]
    shared = (segment == 0)[:, None, :]
    return (causal & (same | shared))[:, None]
