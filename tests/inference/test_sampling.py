"""The next token, checked against transformers' own logits processors."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GenerationConfig
from transformers.generation import logits_process as theirs

from inference import sampling
from inference.sampling import Sampling, sample

LOGITS = torch.tensor([2.0, 1.5, 1.0, 0.5, -1.0, -4.0])


def draws(settings, count=300, logits=LOGITS, history=()):
    generator = torch.Generator().manual_seed(1)
    return [sample(logits, list(history), settings, generator) for _ in range(count)]


def test_greedy_takes_the_best():
    assert set(draws(Sampling())) == {0}


def test_greedy_of_a_request_overrules_the_model():
    settings, generator = Sampling(do_sample=True, temperature=5.0), torch.Generator()
    assert {sample(LOGITS, [], settings, generator, greedy=True) for _ in range(20)} == {0}


def test_top_k_keeps_the_k_best():
    assert set(draws(Sampling(do_sample=True, temperature=3.0, top_k=2))) == {0, 1}


def test_top_p_keeps_the_token_that_reaches_p():
    probabilities = torch.softmax(LOGITS, -1)
    settings = Sampling(do_sample=True, top_p=probabilities[0].item() + 0.01)
    assert set(draws(settings)) == {0, 1}


def test_a_tiny_top_p_still_keeps_one():
    assert set(draws(Sampling(do_sample=True, top_p=0.0))) == {0}


def test_min_p_drops_what_is_far_below_the_best():
    assert set(draws(Sampling(do_sample=True, temperature=2.0, min_p=0.7))) == {0, 1}


@given(size=st.integers(1, 3000), count=st.integers(1, 30), seed=st.integers(0, 99))
def test_the_best_are_found_without_sorting_all(size, count, seed):
    logits = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    expected = torch.topk(logits, min(count, size))
    best, tokens = sampling._best(logits, min(count, size))
    assert torch.equal(best, expected.values)
    assert torch.equal(logits[tokens], best)


def test_what_was_said_becomes_less_likely():
    assert draws(Sampling(repetition_penalty=2.0), 1, history=[0]) == [1]


@given(
    history=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    penalty=st.floats(1.05, 2.0),
    temperature=st.floats(0.3, 2.0),
    top_k=st.integers(1, 6),
    top_p=st.floats(0.2, 1.0),
)
def test_only_tokens_that_transformers_would_draw(history, penalty, temperature, top_k, top_p):
    ids = torch.tensor([history])
    penalised = theirs.RepetitionPenaltyLogitsProcessor(penalty)(ids, LOGITS[None].clone())
    scores = penalised
    for processor in (
        theirs.TemperatureLogitsWarper(temperature),
        theirs.TopKLogitsWarper(top_k),
        theirs.TopPLogitsWarper(top_p),
    ):
        scores = processor(ids, scores)
    least = penalised[scores > -1e9].min()  # of tokens that are equally likely, either may go
    allowed = {n for n, score in enumerate(penalised[0]) if score >= least}
    settings = Sampling(True, temperature, top_k, top_p, 0.0, penalty)
    assert set(draws(settings, 40, history=history)) <= allowed


def test_the_models_own_settings_are_used():
    shipped = GenerationConfig(do_sample=True, temperature=0.7, top_p=0.8, top_k=20)
    expected = Sampling(True, 0.7, 20, 0.8, 0.0, 1.0)
    assert Sampling.from_generation_config(shipped) == expected


@pytest.mark.parametrize("shipped", [GenerationConfig(), GenerationConfig(do_sample=False)])
def test_a_model_that_ships_no_settings_is_greedy(shipped):
    assert not Sampling.from_generation_config(shipped).do_sample
