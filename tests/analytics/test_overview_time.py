"""The overview's days, hours and weeks are those of the desk, whatever its clocks do."""

import pytest

from tests.analytics.overview import by_name, dated, followed, shown
from tests.chat.desk import conversation, says

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def berlin(settings):
    settings.TIME_ZONE = "Europe/Berlin"


def test_days_are_those_of_the_desk(lead):
    dated(says(conversation(), "Hi", "Neutral").message.conversation, "2026-03-28T23:30Z")
    asked = {"since": "2026-03-28", "until": "2026-03-30", "by": "day"}
    assert list(by_name(shown(lead, **asked))) == ["2026-03-29"]


def test_the_day_on_which_clocks_go_on_has_23_hours(lead):
    overview = shown(lead, since="2026-03-29", until="2026-03-29", by="hour")
    names = [each.name for each in overview.periods]
    assert len(names) == 23
    assert names[1:3] == ["2026-03-29 01:00 CET", "2026-03-29 03:00 CEST"]


def test_the_hour_that_comes_twice_is_two_hours(lead):
    for at in ("2026-10-25T00:30Z", "2026-10-25T01:30Z"):
        dated(says(conversation(), "Hi", "Neutral").message.conversation, at)
    overview = shown(lead, since="2026-10-25", until="2026-10-25", by="hour")
    assert len(overview.periods) == 25
    assert list(by_name(overview)) == ["2026-10-25 02:00 CEST", "2026-10-25 02:00 CET"]


def test_weeks_begin_on_monday_and_open_no_more_than_was_asked_for(lead):
    dated(says(conversation(name="Di"), "Hi", "Neutral").message.conversation, "2026-03-31T12Z")
    overview = shown(lead, since="2026-03-31", until="2026-04-12", by="week")
    assert [each.name for each in overview.periods] == ["2026-03-30", "2026-04-06"]
    assert "since=2026-03-31&until=2026-04-05" in overview.periods[0].address
    assert followed(lead, overview.periods[0].address) == ["Di"]


def test_figures_are_counted_again_where_the_desk_moves(lead, settings):
    dated(says(conversation(), "Hi", "Neutral").message.conversation, "2026-03-28T23:30Z")
    asked = {"since": "2026-03-20", "until": "2026-03-30", "by": "day"}
    shown(lead, **asked)
    settings.TIME_ZONE = "Asia/Kathmandu"
    assert list(by_name(shown(lead, **asked))) == ["2026-03-29"]
    settings.TIME_ZONE = "America/New_York"
    assert list(by_name(shown(lead, **asked))) == ["2026-03-28"]


def test_hours_begin_on_the_hour_wherever_the_desk_is(lead, settings):
    settings.TIME_ZONE = "Asia/Kathmandu"  # 5:45 from UTC
    dated(says(conversation(), "Hi", "Neutral").message.conversation, "2026-03-28T23:30Z")
    overview = shown(lead, since="2026-03-29", until="2026-03-29", by="hour")
    assert list(by_name(overview)) == ["2026-03-29 05:00 +0545"]
