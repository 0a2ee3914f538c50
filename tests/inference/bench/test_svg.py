"""Charts that a browser can read and that say what the figures say."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.bench.svg import PAPER, Chart, document

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.floats(0, 1e6, allow_subnormal=False)


def bars(charts):
    """Heights of the bars, in the order of drawing."""
    rectangles = ET.fromstring(document(charts)).iter(f"{SVG}rect")
    drawn = [r for r in rectangles if r.get("fill") != PAPER and r.get("height") != "10"]
    return [float(each.get("height")) for each in drawn]


def texts(charts):
    return [each.text for each in ET.fromstring(document(charts)).iter(f"{SVG}text")]


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_bars_are_as_high_as_their_values_and_stay_inside(values):
    chart = Chart("Speed", "1/s", [str(n) for n in range(len(values))], {"ours": values})
    heights = bars([chart])
    assert all(0 <= height <= 204.1 for height in heights)
    for value, height in zip(values, heights, strict=True):
        assert height == pytest.approx(204 * value / chart.top, abs=0.2)


@pytest.mark.parametrize(("most", "top"), [(0.03, 0.05), (1, 1), (7, 10), (11, 20), (0, 1)])
def test_the_axis_ends_at_a_round_number(most, top):
    assert Chart("t", "u", ["a"], {"x": [most]}).top == pytest.approx(top)


def test_names_are_shown_and_cannot_break_the_document():
    chart = Chart("<Speed> & more", "1/s", ["a<b"], {"R&D": [3.0], "two": [1.25]})
    shown = texts([chart])
    assert {"<Speed> & more", "1/s", "a<b", "R&D", "two", "3", "1.25"} <= set(shown)


def test_charts_stand_below_each_other():
    chart = Chart("Speed", "1/s", ["1"], {"ours": [1.0]})
    one, two = (ET.fromstring(document([chart] * count)) for count in (1, 2))
    assert float(two.get("height")) == 2 * float(one.get("height"))


def test_a_series_that_lacks_a_value_is_refused():
    with pytest.raises(ValueError, match="zip"):
        document([Chart("Speed", "1/s", ["1", "4"], {"ours": [1.0]})])
