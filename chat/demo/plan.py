"""Which conversations a demo has, and when they took place. Pure, but for the clock it is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from chat.demo import script
from chat.demo.chinese import SCRIPTS as CHINESE
from chat.demo.english import SCRIPTS as ENGLISH

SCRIPTS = (*ENGLISH, *CHINESE)
BUSY_HOURS = {8: 2, 9: 5, 10: 6, 11: 6, 12: 4, 13: 4, 14: 5, 15: 5, 16: 4, 17: 3, 19: 4, 20: 3}
NOW_SHARE = 8  # one conversation of so many goes wrong just now
NOW = (timedelta(minutes=3), timedelta(minutes=40))  # how long ago such a one had its last line
OLD = timedelta(days=2)  # by then somebody has taken care of it
STATUS = {"solved": "closed", "open": "bot", "waiting": "waiting", "lost": "closed"}


@dataclass(frozen=True)
class Line:
    """What the visitor writes, and when."""

    text: str
    at: datetime
    mood: str  # what people make of it


@dataclass(frozen=True)
class Story:
    """One conversation to be."""

    name: str
    email: str
    language: str
    page: str
    status: str  # in the end
    lines: tuple[Line, ...]


def plan(now: datetime, days: int, conversations: int, chance: Random) -> list[Story]:
    """Stories in the order in which they begin, all of them over by `now`; some end badly just
    before it.

    Every script is told once before any is told twice.
    """
    scripts, urgent = _shuffled(chance), conversations // NOW_SHARE
    stories = []
    for _ in range(conversations):
        chosen = next(scripts)
        just_now = urgent > 0 and chosen.ending == "waiting"
        urgent -= just_now
        stories.append(_story(chosen, now, days, chance, just_now=just_now))
    return sorted(stories, key=lambda story: story.lines[0].at)


def _shuffled(chance: Random) -> Iterator[script.Script]:
    while True:
        yield from chance.sample(SCRIPTS, len(SCRIPTS))


def _story(
    chosen: script.Script, now: datetime, days: int, chance: Random, *, just_now: bool
) -> Story:
    told = chosen.told(chance)
    gaps = [timedelta(seconds=chance.randint(35, 260)) for _ in told]
    latest = now - sum(gaps, timedelta())
    start = latest - _ago(chance) if just_now else _moment(latest, days, chance)
    times = [start + sum(gaps[:count], timedelta()) for count in range(len(told))]
    who = script.name(chosen.language, chance)
    given = who.replace(" ", ".").lower() if who.isascii() else ""
    return Story(
        name=who,
        email=f"{given}@mail.example" if given and chance.random() < 0.6 else "",
        language=chosen.language,
        page=f"https://shop.example/{chance.choice(('help', 'orders', 'cart', 'contact'))}",
        status=_status(chosen.ending, start, now),
        lines=tuple(map(Line, told, times, chosen.moods)),
    )


def _ago(chance: Random) -> timedelta:
    """A length between the two of `NOW`."""
    return NOW[0] + (NOW[1] - NOW[0]) * chance.random()


def _moment(latest: datetime, days: int, chance: Random) -> datetime:
    """A time of day at which people write, in the last `days` days and not after `latest`.

    The last days are busier, so that some conversations still wait for somebody.
    """
    ago = timedelta(days=(days - 1) * chance.random() ** 1.5)
    hour = chance.choices(list(BUSY_HOURS), list(BUSY_HOURS.values()))[0]
    moment = (latest - ago).replace(
        hour=hour, minute=chance.randrange(60), second=chance.randrange(60), microsecond=0
    )
    return moment if moment <= latest else moment - timedelta(days=1)


def _status(ending: script.Ending, start: datetime, now: datetime) -> str:
    """An old conversation is closed; a fresh one is as its visitor left it."""
    return "closed" if start < now - OLD and ending != "open" else STATUS[ending]
