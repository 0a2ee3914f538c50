"""What the demo's people decided about the model's flags: what the author of a line makes of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from random import Random

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.utils import timezone

from chat import labels
from chat.demo.script import BAD, GOOD, PLAIN, UNCLEAR
from chat.models import Classification, Review, User

RITA, OMAR, LEA = "demo-rita", "demo-omar", "demo-lea"
GROUPS = {RITA: "reviewer", OMAR: "reviewer", LEA: "lead"}
FRESH = timedelta(days=1)  # what was flagged since then still waits in the queue
SECOND = 0.25  # share of clear cases that a second reviewer looks at too
DECIDED = {GOOD: "Positive", PLAIN: "Neutral", BAD: "Negative"}


@dataclass(frozen=True)
class Flag:
    """A flagged label of the mood, with the sign that the line has in its script."""

    row: Classification
    said: datetime
    mood: str


def decide(flags: Iterable[Flag], chance: Random) -> int:
    """Reviews by people of the demo, who cannot log in; how many there are."""
    people, before = _people(), Review.objects.count()
    # In turns, not by chance: there are few of them, and a demo is to show one of each.
    settled = cycle((True, False))
    for flag in flags:
        if flag.said < timezone.now() - FRESH:
            _Desk(people, flag, chance, settled).decide()
    return Review.objects.count() - before


def _people() -> dict[str, User]:
    for name, group in GROUPS.items():
        user, created = User.objects.get_or_create(
            username=name, defaults={"is_staff": True, "password": make_password(None)}
        )
        if created:
            user.groups.set(Group.objects.filter(name=group))
    return {user.username: user for user in User.objects.filter(username__in=GROUPS)}


class _Desk:
    """One flag, and the people who look at it one after the other."""

    def __init__(
        self, people: dict[str, User], flag: Flag, chance: Random, settled: Iterator[bool]
    ):
        self.people, self.flag, self.chance = people, flag, chance
        self.settled = settled  # whether the next disagreement is
        self.at = flag.said

    def decide(self) -> None:
        if self.flag.mood == UNCLEAR:
            self._differ()
            return
        self._say(RITA, DECIDED[self.flag.mood])
        if self.chance.random() < SECOND:
            self._say(OMAR, DECIDED[self.flag.mood])

    def _differ(self) -> None:
        self._say(RITA, "Negative")
        self._say(OMAR, "Neutral", "A plain report, if you ask me.")
        if next(self.settled):
            self._say(LEA, "Neutral", "Naming a problem is not anger yet.")

    def _say(self, name: str, label: str, note: str = "") -> None:
        self.at += timedelta(minutes=self.chance.randint(20, 400))
        verdict = Review.Verdict.CONFIRMED
        if label != self.flag.row.label:
            verdict = Review.Verdict.CORRECTED
        may_settle = GROUPS[name] == "lead"
        review = labels.review(
            self.flag.row, self.people[name], verdict, label, note, may_settle=may_settle
        )
        Review.objects.filter(pk=review.pk).update(created=min(self.at, timezone.now()))
