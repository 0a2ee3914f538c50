"""A linear judge tells labels from the rows that it was not fitted on."""

import gzip
import random

import pytest
from transformers import AutoTokenizer

from inference import config
from inference.pocket import making, sequences, sources
from inference.pocket.corpora import Corpora
from inference.pocket.judge import Judges
from inference.pocket.recipe import Recipe
from inference.pocket.training import Plan, Shape
from inference.prompts import ChatPrompt

NAMES = ("Negative", "Positive")
GOOD, BAD = ("lovely", "superb", "charming"), ("awful", "dreary", "broken")


def rows(count: int) -> list[tuple[str, str]]:
    rng = random.Random(1)
    drawn = (rng.choice(((GOOD, "Positive"), (BAD, "Negative"))) for _ in range(count))
    return [(f"the {rng.choice(words)} {rng.choice('abcdef')}", label) for words, label in drawn]


def test_the_words_of_other_rows_tell_a_rows_label():
    told = rows(120)
    judges = Judges(told, NAMES)
    found = [judges.shares(text, row) for row, (text, _) in enumerate(told)]
    assert all(abs(sum(each.values()) - 1) < 1e-5 for each in found)
    assert [max(each, key=each.get) for each in found] == [label for _, label in told]


def test_a_row_with_a_wrong_label_is_judged_by_the_others():
    judges = Judges([*rows(120), ("the superb z", "Negative")], NAMES)
    assert judges.shares("the superb z", 120)["Positive"] > 0.7


def test_what_no_other_row_holds_is_left_open():
    judges = Judges([*rows(120), ("xylophon", "Negative")], NAMES)
    assert 0.2 < judges.shares("xylophon", 120)["Negative"] < 0.8
    assert judges.shares("xylophon", 121)["Negative"] > 0.6  # this judge has read the row


def test_what_a_row_is_turned_into_is_judged_as_it_then_is():
    judges = Judges(rows(120), NAMES)
    assert judges.shares("the superb a", 0)["Positive"] > 0.7
    assert judges.shares("the dreary a", 0)["Positive"] < 0.3


def test_a_message_made_of_two_keeps_words_of_both_and_is_only_judged():
    rng = random.Random(4)
    corpora = Corpora(train={"goemotions": rows(60)})
    corpora.judge("goemotions")
    whole = {text for text, _ in corpora.train["goemotions"]}
    words = {word for text in whole for word in text.split()}
    drawn = [each for _ in range(4000) if (each := corpora.opinion(rng))]
    made = [each for each in drawn if len(each.text.split()) > 3]
    assert made
    assert all(set(each.text.split()) <= words for each in made)
    assert all(each.shares[each.label] == max(each.shares.values()) for each in made)


def test_a_judged_label_is_shared_between_those_who_told_it():
    corpora = Corpora(train={"goemotions": [*rows(60), ("the superb z", "Negative")]})
    corpora.judge("goemotions")
    rng = random.Random(2)
    drawn = {(each.text, each.label): each for _ in range(8000) if (each := corpora.opinion(rng))}
    wrong = drawn["the superb z", "Negative"]
    assert abs(sum(wrong.shares.values()) - 1) < 1e-4
    assert 0.3 < wrong.shares["Positive"] < 0.6
    right = next(each for (text, _), each in drawn.items() if text.startswith("the lovely"))
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


def test_a_training_tells_what_it_does_before_and_after(tmp_path):
    comments = "".join(f"comment {number}\t{1 + number % 3}\ta\n" for number in range(12))
    (tmp_path / sources.GOEMOTIONS).write_bytes(gzip.compress(comments.encode()))
    shape = Shape(hidden=32, layers=2, heads=2, intermediate=64, vocabulary=700)
    plan = Plan(steps=1, shape=shape, recipe=Recipe(rows=1, spelled=200))
    few = making.Examination(messages=12, corpus=0, replies=2)
    told = []
    making.make(tmp_path / "model", plan, tmp_path, examination=few, stage=told.append)
    judging = [f"judging goemotions, {fold} of 4" for fold in (1, 2, 3, 4)]
    assert told == [*judging, "tokenizer", "training", "examining"]
