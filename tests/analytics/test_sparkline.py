import re

from hypothesis import given
from hypothesis import strategies as st

from analytics.sparkline import HEIGHT, MOST_POINTS, WIDTH, draw


def test_without_scores_there_is_no_line():
    assert draw([]) is None


def test_the_words_say_what_the_line_shows():
    assert draw([0.9, -0.7, 0.0]).words == "3 messages: from very positive to neutral, lowest -0.70"
    assert draw([-0.9]).words == "1 message: very negative"


def test_up_is_positive():
    rising = draw([-1, 1])
    assert rising.points == "4,28 116,4"
    assert rising.slug == "very-positive"


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=200))
def test_every_point_lies_in_the_box_and_the_last_one_is_the_last_score(scores):
    line = draw(scores)
    points = [tuple(map(float, pair.split(","))) for pair in line.points.split(" ")]
    assert 2 <= len(points) <= MOST_POINTS
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert points[-1] == (line.x, line.y)
    assert line.y == draw([scores[-1]]).y


def test_points_are_plain_numbers():
    assert re.fullmatch(r"[\d. ,]+", draw([0.1, 0.23456, -0.9]).points)
