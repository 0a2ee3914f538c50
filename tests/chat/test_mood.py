import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import mood

POLARITY = {"Positive": 1, "Neutral": 0, "Negative": -1}
scores = st.floats(-1, 1)


@st.composite
def shares(draw):
    weights = [draw(st.floats(0.001, 1)) for _ in POLARITY]
    return {label: weight / sum(weights) for label, weight in zip(POLARITY, weights, strict=True)}


def test_the_score_of_a_message_weighs_each_label_by_its_polarity():
    probabilities = {"Positive": 0.1, "Neutral": 0.2, "Negative": 0.7}
    assert mood.message_score(probabilities, POLARITY) == pytest.approx(-0.6)


@given(shares())
def test_the_score_of_a_message_stays_in_bounds_and_mirrors(probabilities):
    mirrored = {**POLARITY, "Positive": -1, "Negative": 1}
    score = mood.message_score(probabilities, POLARITY)
    assert -1 <= score <= 1
    assert mood.message_score(probabilities, mirrored) == pytest.approx(-score)


def test_without_messages_there_is_no_score():
    assert mood.conversation_score([]) is None


def test_later_messages_count_more():
    # by hand: (0.5 * 1/2) + (-1 * 2/2) = -0.75; tanh(0.75 * -0.75)
    assert mood.conversation_score([0.5, -1.0]) == pytest.approx(math.tanh(-0.5625))
    assert mood.conversation_score([-1.0, 1.0]) > 0 > mood.conversation_score([1.0, -1.0])


@given(st.lists(scores, min_size=1))
def test_the_score_of_a_conversation_stays_in_bounds_and_mirrors(each):
    score = mood.conversation_score(each)
    assert -1 <= score <= 1
    assert mood.conversation_score([-s for s in each]) == pytest.approx(-score)


def test_a_trend_shows_from_six_messages_on():
    assert mood.conversation_trend([0.0] * 5) is None
    assert mood.conversation_trend([0.0] * 6) == 0


def test_a_trend_compares_the_last_half_with_the_first():
    # by hand: halves score tanh(+-0.75 * (1/3 + 2/3 + 1)) = tanh(+-1.5)
    assert mood.conversation_trend([1, 1, 1, -1, -1, -1]) == pytest.approx(-math.tanh(1.5))


@given(st.lists(scores, min_size=6))
def test_a_trend_stays_in_bounds_and_mirrors(each):
    trend = mood.conversation_trend(each)
    assert -1 <= trend <= 1
    assert mood.conversation_trend([-s for s in each]) == pytest.approx(-trend)


@pytest.mark.parametrize(
    ("score", "slug"),
    [
        (-1, "very-negative"),
        (-0.61, "very-negative"),
        (-0.6, "negative"),
        (-0.21, "negative"),
        (-0.2, "neutral"),
        (0, "neutral"),
        (0.2, "neutral"),
        (0.21, "positive"),
        (0.6, "positive"),
        (0.61, "very-positive"),
        (1, "very-positive"),
    ],
)
def test_a_score_has_the_band_between_the_cuts(score, slug):
    assert mood.band(score).slug == slug


@given(scores)
def test_every_score_has_exactly_one_band_and_bands_mirror(score):
    holding = [band for band in mood.BANDS if band.holds(score)]
    assert holding == [mood.band(score)]
    assert mood.BANDS.index(mood.band(-score)) == 4 - mood.BANDS.index(mood.band(score))


def test_a_score_out_of_bounds_has_no_band():
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        mood.band(1.01)


@pytest.mark.parametrize(
    ("trend", "name"),
    [
        (0.9, "Improving"),
        (0.55, "Slightly improving"),
        (0.2, "Steady"),
        (-0.2, "Steady"),
        (-0.3, "Slightly declining"),
        (-0.56, "Declining"),
    ],
)
def test_a_trend_reads_as_words(trend, name):
    assert mood.trend_name(trend) == name
