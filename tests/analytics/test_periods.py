"""Hours, days and weeks, in every zone and across every change of the clocks."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from analytics.periods import (
    DAY,
    HOUR,
    WEEK,
    days_of,
    fitting,
    hour_of,
    midnight,
    name_of,
    period_of,
    periods,
)

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
DATES = st.dates(date(2015, 1, 1), date(2027, 12, 31))
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(ZONES, MOMENTS)
def test_every_moment_lies_in_an_hour_of_its_day(zone, moment):
    with override_settings(TIME_ZONE=zone):
        hour, day = hour_of(moment)
        assert hour <= moment
        assert hour_of(hour)[0] == hour
        assert hour in periods(HOUR, day, day)
        assert midnight(day) <= moment < midnight(day + timedelta(days=1))


@given(ZONES, DATES, st.integers(0, 3))
def test_hours_of_a_range_follow_each_other_and_are_told_apart(zone, since, more):
    with override_settings(TIME_ZONE=zone):
        hours = periods(HOUR, since, since + timedelta(days=more))
        assert all(before < after for before, after in pairwise(hours))
        assert hours[0] == midnight(since)
        assert len({name_of(hour, HOUR) for hour in hours}) == len(hours)


@given(DATES, st.integers(0, 400))
def test_weeks_cover_a_range_without_overlap(since, more):
    until = since + timedelta(days=more)
    parts = [days_of(week, WEEK, since, until) for week in periods(WEEK, since, until)]
    assert parts[0][0] == since
    assert parts[-1][1] == until
    assert all(after[0] - before[1] == timedelta(days=1) for before, after in pairwise(parts))


@given(DATES)
def test_a_day_belongs_to_the_week_of_its_monday(day):
    monday = period_of(day, WEEK)
    assert monday.weekday() == 0
    assert 0 <= (day - monday).days < 7


@pytest.mark.parametrize(("days", "by"), [(1, HOUR), (2, HOUR), (3, DAY), (92, DAY), (93, WEEK)])
def test_periods_fit_the_range(days, by):
    assert fitting(days) == by
