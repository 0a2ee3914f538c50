"""Calibrations that are fitted: what they recover, and what few messages cannot do to them."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import fitting
from inference.calibration import probabilities
from inference.tasks import Affine

LABELS = ("High", "Normal", "Low")
scores = st.fixed_dictionaries({label: st.floats(-20, 0) for label in LABELS})


def drawn(count: int, true: Affine, seed: int = 1):
    """Messages whose labels are drawn with the probabilities that `true` gives them."""
    rng = random.Random(seed)
    found = [{label: -3 * rng.random() for label in LABELS} for _ in range(count)]
    truth = [rng.choices(LABELS, probabilities(each, true).values())[0] for each in found]
    return found, truth


def likelihood(found, truth) -> float:
    return sum(math.log(each[true]) for each, true in zip(found, truth, strict=True)) / len(truth)


def test_the_parameters_that_made_the_labels_are_found_again():
    true = Affine(2.0, {"High": 1.0, "Normal": -0.5, "Low": -0.5})
    fitted = fitting.fit(*drawn(4000, true), Affine())
    assert fitted.scale == pytest.approx(2.0, abs=0.15)
    assert fitted.bias == pytest.approx(true.bias, abs=0.15)


def test_held_out_messages_are_likelier_after_a_fit_that_was_needed():
    true = Affine(0.4, {"High": -1.0, "Normal": 2.0, "Low": -1.0})
    found, truth = drawn(300, true)
    before = [probabilities(each, Affine()) for each in found]
    assert likelihood(fitting.held_out(found, truth, Affine()), truth) > likelihood(before, truth)


def test_held_out_figures_are_not_flattered_by_their_own_messages():
    found, _ = drawn(40, Affine())
    truth = [LABELS[at * 7 % 3] for at in range(40)]  # nothing to be learned from the scores
    fitted = fitting.fit(found, truth, Affine())
    flattered = [probabilities(each, fitted) for each in found]
    held_out = fitting.held_out(found, truth, Affine())
    assert likelihood(held_out, truth) < likelihood(flattered, truth)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(scores, st.sampled_from(LABELS)), min_size=1, max_size=20))
def test_any_messages_give_finite_parameters_near_the_present_ones(rows):
    found, truth = zip(*rows, strict=True)
    fitted = fitting.fit(found, truth, Affine(1.5, {"High": 0.5}))
    assert 0 < fitted.scale < math.inf
    assert sum(fitted.bias.values()) == pytest.approx(0, abs=1e-4)
    assert all(abs(value) < 20 for value in fitted.bias.values())


def test_messages_that_are_all_right_do_not_make_certain():
    sure = {"High": -0.1, "Normal": -3.0, "Low": -3.0}
    fitted = fitting.fit([sure] * 10, ["High"] * 10, Affine())
    assert probabilities(sure, fitted)["High"] < 0.999
