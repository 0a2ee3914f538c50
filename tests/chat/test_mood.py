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


def test_the_worked_example_of_the_field_comes_out():
    # Genesys' own: phrases 10 and 18 of 20 are positive; 100 * tanh(0.75 * (0.5 + 0.9)) = 78
    phrases = [1.0 if number in (10, 18) else 0.0 for number in range(1, 21)]
    assert mood.points(mood.conversation_score(phrases)) == 78


@given(st.lists(scores, min_size=1, max_size=30), st.data())
def test_a_better_message_never_lowers_a_score(each, data):
    i = data.draw(st.integers(0, len(each) - 1))
    better = [*each[:i], data.draw(st.floats(each[i], 1)), *each[i + 1 :]]
    assert mood.conversation_score(better) >= mood.conversation_score(each)
    assert mood.out_of_five(better) >= mood.out_of_five(each)
    if len(each) >= mood.QUARTERS:
        pairs = zip(mood.quarters(better), mood.quarters(each), strict=True)
        assert all(after >= before for after, before in pairs)


def test_the_smoothed_line_follows_slowly_and_looks_back_only():
    # by hand: 1; 0.3 * 0 + 0.7 * 1 = 0.7; 0.3 * -1 + 0.7 * 0.7 = 0.19
    assert mood.smoothed([1, 0, -1]) == pytest.approx((1, 0.7, 0.19))
    assert mood.smoothed([1, 0, -1])[:2] == mood.smoothed([1, 0])
    assert mood.smoothed([]) == ()


@given(st.lists(scores))
def test_the_smoothed_line_stays_between_the_scores_and_mirrors(each):
    line = mood.smoothed(each)
    assert len(line) == len(each)
    for i, value in enumerate(line):
        assert min(each[: i + 1]) - 1e-9 <= value <= max(each[: i + 1]) + 1e-9
    assert mood.smoothed([-s for s in each]) == pytest.approx([-value for value in line])


def test_quarters_are_means_from_minus_5_to_5():
    # by hand: floor(4 * i / 6) puts six messages into 0, 0, 1, 2, 2, 3
    six = [1.0, 0.0, -1.0, 0.5, 0.1, -0.4]
    assert mood.quarters(six) == pytest.approx((2.5, -5, 1.5, -2))
    assert mood.quarters([1, 1, 1]) is None
    assert mood.out_of_five([]) is None


@given(st.lists(scores, min_size=4))
def test_quarters_stay_in_bounds_and_mirror(each):
    parts = mood.quarters(each)
    assert len(parts) == 4
    assert all(-5 <= part <= 5 for part in parts)
    assert mood.quarters([-s for s in each]) == pytest.approx([-part for part in parts])


@given(st.lists(scores, min_size=4))
def test_a_conversation_told_backwards_has_the_opposite_shift(each):
    told, backwards = mood.shift(each), mood.shift(each[::-1])
    if len(each) % 4 == 0:  # else the quarters do not hold the same messages
        assert backwards.change == pytest.approx(-told.change)
    assert -10 <= told.change <= 10


def test_a_shift_compares_the_last_quarter_with_the_first():
    shift = mood.shift([0.8, 0, 0, -0.6])
    assert (shift.begin, shift.end) == pytest.approx((4, -3))
    assert shift.change == pytest.approx(-7)
    assert mood.shift([1, -1]) is None


def test_moods_with_the_assistant_and_with_a_person_are_told_apart():
    turns = [
        ("visitor", -0.8),
        ("assistant", None),
        ("visitor", -0.4),
        ("agent", None),
        ("system", None),
        ("visitor", None),
        ("visitor", 0.6),
    ]
    assert mood.with_bot_and_agent(turns) == pytest.approx((-3, 3))
    assert mood.with_bot_and_agent(turns[:2]) == (pytest.approx(-4), None)
    assert mood.with_bot_and_agent([]) == (None, None)


def test_the_strongest_moments_are_few_and_never_neutral():
    assert mood.strongest([0.1, -0.9, 0.3, 0.8, -0.7, 0.2]) == (1, 3, 4)
    assert mood.strongest([0.5, 0.5, 0.5, 0.5]) == (1, 2, 3)
    assert mood.strongest([0.2, -0.1]) == ()


@given(st.lists(scores))
def test_no_moment_that_is_left_out_is_stronger_than_one_that_is_marked(each):
    marked = mood.strongest(each)
    rest = [abs(score) for i, score in enumerate(each) if i not in marked]
    assert all(abs(each[i]) > mood.STEADY for i in marked)
    if marked and rest:
        weakest = min(abs(each[i]) for i in marked)
        assert len(marked) < mood.MOST_MOMENTS or max(rest) <= weakest
    assert mood.strongest([-s for s in each]) == marked
