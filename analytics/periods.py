"""Hours, days and weeks as the desk's clock shows them, daylight saving included."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

HOUR, DAY, WEEK = "hour", "day", "week"
MOST_DAYS = {HOUR: 14, DAY: 366, WEEK: 5 * 366}  # more would be a chart that nobody reads
Period = datetime | date  # when it begins: an instant for an hour, a day for the others


def fitting(days: int) -> str:
    """The size of periods with which a chart of so many days has some dozens of points."""
    if days <= 2:
        return HOUR
    return DAY if days <= 92 else WEEK


def midnight(day: date) -> datetime:
    """When a day begins where the desk is; where midnight is skipped, when the clock goes on."""
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


def hour_of(moment: datetime) -> tuple[datetime, date]:
    """The instant at which the hour of `moment` began where the desk is, and its day there.

    The second of the two hours that a clock set back shows is an hour of its own.
    """
    local = moment.astimezone(timezone.get_default_timezone())
    return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC), local.date()


def period_of(key: Period, by: str) -> Period:
    """The period that an hour or a day of the rollup belongs to."""
    return key - timedelta(days=key.weekday()) if by == WEEK else key


def periods(by: str, since: date, until: date) -> list[Period]:
    """Every period from the first day to the last one, both included, in order."""
    keys = _hours(since, until) if by == HOUR else _days(since, until)
    return list(dict.fromkeys(period_of(key, by) for key in keys))


def days_of(period: date, by: str, since: date, until: date) -> tuple[date, date]:
    """The first and the last day that a day or week shares with the range it was asked for in."""
    last = period + timedelta(days=6 if by == WEEK else 0)
    return max(period, since), min(last, until)


def name_of(period: Period, by: str) -> str:
    """The time zone's abbreviation tells the two hours of a clock set back apart."""
    if by == HOUR:
        return f"{timezone.localtime(period, timezone.get_default_timezone()):%Y-%m-%d %H:%M %Z}"
    return period.isoformat()


def _days(since: date, until: date) -> Iterator[date]:
    return (since + timedelta(days=i) for i in range((until - since).days + 1))


def _hours(since: date, until: date) -> Iterator[datetime]:
    moment, end = midnight(since).astimezone(UTC), midnight(until + timedelta(days=1))
    while moment < end:
        yield hour_of(moment)[0]
        moment += timedelta(hours=1)
