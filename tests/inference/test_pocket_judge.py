"""A linear judge tells labels from the rows that it was not fitted on."""

import random

import pytest
import torch
from transformers import AutoTokenizer

from inference import config
from inference.pocket import judge, sequences
from inference.pocket.corpora import Corpora
from inference.prompts import ChatPrompt

NAMES = ("Negative", "Positive")
GOOD, BAD = ("lovely", "superb", "charming"), ("awful", "dreary", "broken")


def rows(count: int) -> list[tuple[str, str]]:
    rng = random.Random(1)
    drawn = (rng.choice(((GOOD, "Positive"), (BAD, "Negative"))) for _ in range(count))
    return [(f"the {rng.choice(words)} {rng.choice('abcdef')}", label) for words, label in drawn]


def test_the_words_of_other_rows_tell_a_rows_label():
    told = rows(120)
    found = judge.opinions(told, NAMES)
    assert found.shape == (120, 2)
    assert torch.allclose(found.sum(-1), torch.ones(120), atol=1e-5)
    guessed = [NAMES[i] for i in found.argmax(-1)]
    assert guessed == [label for _, label in told]


def test_a_row_with_a_wrong_label_is_judged_by_the_others():
    told = [*rows(120), ("the superb z", "Negative")]
    assert judge.opinions(told, NAMES)[-1][NAMES.index("Positive")] > 0.7


def test_what_no_other_row_holds_is_left_open():
    told = [*rows(120), ("xylophon", "Negative")]
    assert 0.2 < judge.opinions(told, NAMES)[-1][0] < 0.8


def test_a_judged_label_is_shared_between_those_who_told_it():
    corpora = Corpora(train={"goemotions": [*rows(60), ("the superb z", "Negative")]})
    corpora.judge("goemotions")
    rng = random.Random(2)
    drawn = {each.text: each for _ in range(8000) if (each := corpora.opinion(rng))}
    wrong = drawn["the superb z"]
    assert wrong.label == "Negative"
    assert abs(sum(wrong.shares.values()) - 1) < 1e-4
    assert 0.3 < wrong.shares["Positive"] < 0.6
    right = next(each for text, each in drawn.items() if text.startswith("the lovely"))
    assert right.shares["Positive"] > 0.8


def test_a_shared_label_is_learned_by_its_shares():
    prompt = ChatPrompt(AutoTokenizer.from_pretrained(config.POCKET))
    first = {name: prompt.label(name)[0] for name in NAMES}
    prefix, branch = sequences.label_branch(
        prompt, "Good or bad?", "hm", "Negative", 512, shares={"Negative": 0.7, "Positive": 0.3}
    )
    batch = sequences.lay_out([sequences.Tree(prefix, [branch])], 512)
    told = {
        name: (at, weight)
        for name, token in first.items()
        for at, target, weight in zip(
            batch.source.tolist(), batch.target.tolist(), batch.weight.tolist(), strict=True
        )
        if target == token
    }
    assert told["Negative"] == (told["Positive"][0], pytest.approx(0.7 * sequences.LABEL_WEIGHT))
    assert told["Positive"][1] == pytest.approx(0.3 * sequences.LABEL_WEIGHT)


def test_a_corpus_of_one_row_keeps_its_label():
    corpora = Corpora(train={"goemotions": [("the lovely a", "Positive")]})
    corpora.judge("goemotions")
    rng = random.Random(3)
    drawn = {each for _ in range(200) if (each := corpora.opinion(rng))}
    assert {each.label for each in drawn} == {"Positive"}
    assert {each.shares for each in drawn} == {None}
