"""When a rule raises an alert: worked examples, and what holds for any conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.models import AlertRule
from chat.rules import Said, fallen, negative_count, reason

MESSAGE = AlertRule(kind="message", threshold=0.9)
REPEATED = AlertRule(kind="repeated", k=3, n=5)
SHIFT = AlertRule(kind="shift", points=20)

talks = st.lists(st.builds(Said, st.floats(-1, 1), st.floats(0, 1)), min_size=1, max_size=25)


def said(*scores: float) -> list[Said]:
    return [Said(score, max(0.0, -score)) for score in scores]


def raised_at(rule, talk) -> list[int]:
    return [i for i in range(len(talk)) if reason(rule, talk[: i + 1], talk[:i])]


@pytest.mark.parametrize(
    ("negative", "why"), [(0.9, "90% negative"), (0.899, None), (1, "100% negative")]
)
def test_one_message_raises_from_the_threshold_on(negative, why):
    assert reason(MESSAGE, [Said(-0.5, negative)], ()) == why


def test_k_of_the_last_n_raises_once_when_it_becomes_true():
    talk = said(-0.5, 0.5, -0.5, -0.5, -0.9, 0.9, 0.9, 0.9, -0.5, -0.5, -0.5)
    assert raised_at(REPEATED, talk) == [3, 10]
    assert reason(REPEATED, talk[:4], talk[:3]) == "3 of the last 5 messages are negative"


def test_neutral_messages_do_not_count_as_negative():
    assert raised_at(REPEATED, said(-0.2, -0.2, -0.2, -0.2)) == []


def test_a_turn_raises_from_six_messages_on():
    # by hand: halves 0.8 and -0.8: tanh(+-0.75 * 0.8 * 2) = +-0.834, a fall of 83 points
    talk = said(0.8, 0.8, 0.8, -0.8, -0.8, -0.8)
    assert reason(SHIFT, talk[:5], ()) is None
    assert reason(SHIFT, talk, talk[:5]) == "The mood has fallen by 83 points"


def test_a_label_that_changes_in_the_middle_raises_if_it_makes_the_difference():
    before, now = said(-0.5, 0.0, -0.5), said(-0.5, -0.5, -0.5)
    assert reason(REPEATED, now, before) == "3 of the last 5 messages are negative"
    assert reason(REPEATED, before, now) is None
    assert reason(REPEATED, now, said(-0.5, -0.9, -0.5)) is None


def test_a_mood_that_rises_raises_nothing():
    assert raised_at(SHIFT, said(-0.8, -0.8, -0.8, 0.8, 0.8, 0.8, 0.9)) == []


@given(talks, st.integers(1, 5), st.integers(0, 5))
def test_a_state_is_told_once_and_again_only_after_it_has_ended(talk, k, more):
    rule = AlertRule(kind="repeated", k=k, n=k + more)
    true = [negative_count(talk[: i + 1], rule.n) >= k for i in range(len(talk))]
    begins = [i for i in range(len(talk)) if true[i] and not (i and true[i - 1])]
    assert raised_at(rule, talk) == begins


@given(talks)
def test_a_fall_is_between_nothing_and_a_hundred_and_a_rise_is_none(talk):
    assert 0 <= fallen(talk) <= 100
    mirrored = [Said(-each.score, each.negative) for each in talk]
    assert fallen(talk) == 0 or fallen(mirrored) == 0


@given(talks, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_never_raises_more(talk, one, other):
    low, high = sorted((one, other))
    strict = raised_at(AlertRule(kind="message", threshold=high), talk)
    assert set(strict) <= set(raised_at(AlertRule(kind="message", threshold=low), talk))
