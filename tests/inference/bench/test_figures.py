"""Percentiles, medians and ratios."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.bench.figures import leaves, medians, merged, percentile, ratios, spread

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=1), st.floats(0, 100))
def test_a_percentile_is_that_of_numpy(sample, share):
    assert percentile(sample, share) == pytest.approx(np.percentile(sample, share), abs=1e-6)


def test_a_spread_lies_between_neighbours():
    assert spread(range(101)) == {"p50": 50, "p95": 95, "p99": 99}
    assert spread([1.0, 2.0])["p50"] == 1.5
    assert spread([7.0]) == {"p50": 7, "p95": 7, "p99": 7}


def test_trees_with_different_leaves_become_one():
    trees = [{"turns": {"1": 1.0}}, {"turns": {"4": 2.0}, "load": 3.0}]
    assert merged(trees) == {"turns": {"1": 1.0, "4": 2.0}, "load": 3.0}


def test_a_median_is_taken_leaf_by_leaf():
    repeats = [
        {"a": {"1": 1.0}, "b": 9.0},
        {"a": {"1": 5.0}, "b": 1.0},
        {"a": {"1": 2.0}, "b": 2.0},
    ]
    assert medians(repeats) == {"a": {"1": 2.0}, "b": 2.0}


def test_a_ratio_compares_what_was_measured_in_the_same_repeat():
    # A noisy machine: the second repeat is ten times slower for both.
    ours, theirs = (
        [{"speed": 10.0}, {"speed": 1.0}, {"speed": 12.0}],
        [
            {"speed": 2.0},
            {"speed": 0.2},
            {"speed": 4.0},
        ],
    )
    assert ratios(ours, theirs) == {"speed": pytest.approx(5.0)}


def test_a_ratio_of_medians_would_be_another():
    ours, theirs = [{"x": 1.0}, {"x": 10.0}, {"x": 100.0}], [{"x": 10.0}, {"x": 1.0}, {"x": 10.0}]
    assert ratios(ours, theirs) == {"x": 10.0}
    assert medians(ours)["x"] / medians(theirs)["x"] == 1.0


def test_what_one_of_two_has_not_or_has_as_zero_has_no_ratio():
    ours, theirs = [{"a": 1.0, "b": {"1": 1.0}, "c": 1.0}], [{"a": 0.0, "b": {"2": 1.0}, "c": 2.0}]
    assert ratios(ours, theirs) == {"c": 0.5}


@given(
    st.recursive(NUMBERS, lambda inner: st.dictionaries(st.text(max_size=3), inner), max_leaves=9)
)
def test_every_number_of_a_tree_is_found(value):
    tree = {"whole": value}
    for path, number in leaves(tree):
        found = tree
        for key in path:
            found = found[key]
        assert found == number
