"""The figures of an evaluation, against values worked out by hand and laws that always hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.evaluation.metrics import accuracy, confusion, expected_calibration_error, macro_f1

LABELS = ("a", "b", "c")
ANSWERS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1)
SURE = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1)


def test_confusion_counts_what_was_said_of_each_true_label():
    counts = confusion(["a", "a", "b"], ["a", "b", "b"], ("a", "b"))
    assert counts == {"a": {"a": 1, "b": 1}, "b": {"a": 0, "b": 1}}


def test_macro_f1_by_hand():
    # a: precision 1, recall 1/2; b: precision 1/2, recall 1
    assert macro_f1(confusion(["a", "a", "b"], ["a", "b", "b"], ("a", "b"))) == pytest.approx(2 / 3)


def test_a_label_that_is_never_said_costs_its_share_of_macro_f1():
    # a: precision 3/4, recall 1, so 6/7; b: 0
    counts = confusion(["a", "a", "a", "b"], ["a"] * 4, ("a", "b"))
    assert macro_f1(counts) == pytest.approx(3 / 7)


def test_a_label_that_is_neither_true_nor_said_does_not_lower_macro_f1():
    counts = confusion(["a", "a", "b"], ["a", "b", "b"], LABELS)
    assert macro_f1(counts) == pytest.approx(2 / 3)


@given(ANSWERS)
def test_confusion_holds_every_answer_once(answers):
    truth, said = zip(*answers, strict=True)
    counts = confusion(truth, said, LABELS)
    assert sum(sum(row.values()) for row in counts.values()) == len(answers)
    assert accuracy(truth, said) == sum(counts[each][each] for each in LABELS) / len(answers)


@given(ANSWERS)
def test_macro_f1_is_a_share_and_1_only_if_all_is_right(answers):
    truth, said = zip(*answers, strict=True)
    score = macro_f1(confusion(truth, said, sorted(set(truth) | set(said))))
    assert 0 <= score <= 1
    assert (score == 1) == (truth == said)


def test_calibration_error_by_hand():
    # bin 0.9: two at 0.9, one right, gap 0.4; bin 0.6: one at 0.6, right, gap 0.4
    assert expected_calibration_error([0.9, 0.9, 0.6], [True, False, True]) == pytest.approx(0.4)


def test_confidence_that_holds_is_no_error():
    right = [True, True, True, True, False]
    assert expected_calibration_error([0.8] * 5, right) == pytest.approx(0)


def test_certainty_belongs_to_the_last_bin():
    assert expected_calibration_error([1.0, 0.9], [True, True]) == pytest.approx(0.05)


@given(SURE, st.integers(1, 20))
def test_calibration_error_is_at_least_the_gap_overall(answers, bins):
    confidences, right = zip(*answers, strict=True)
    error = expected_calibration_error(confidences, right, bins)
    gap = abs(sum(confidences) - sum(right)) / len(answers)
    assert gap - 1e-9 <= error <= 1 + 1e-9


@given(SURE, st.randoms())
def test_calibration_error_knows_no_order(answers, random):
    shuffled = random.sample(answers, len(answers))
    first, second = (
        expected_calibration_error(*zip(*each, strict=True)) for each in (answers, shuffled)
    )
    assert first == pytest.approx(second)
