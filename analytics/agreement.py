"""How often people agree with the model, and with each other: by week, and by wording of a task."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncWeek
from django.utils import timezone

from chat.models import Classification, Review

WEEKS = 26
Z = 1.96  # 95 % of a normal distribution


@dataclass(frozen=True)
class Share:
    """How many of the labels that people decided on were the model's."""

    name: str
    decided: int
    agreed: int
    settled: int

    @property
    def share(self) -> float:
        """In [0, 1]; a share always counts one label at least."""
        return self.agreed / self.decided

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % confidence.

        Source: E. B. Wilson, "Probable Inference, the Law of Succession", 1927. Unlike the usual
        p +- 1.96 s, it stays within [0, 1] and holds for few decisions too.
        """
        return wilson(self.agreed, self.decided)

    def point(self) -> dict:
        """A point of the chart, JSON-ready, in percent."""
        low, high = self.interval
        shares = {"share": self.share, "low": low, "high": high}
        percent = {name: round(100 * value, 1) for name, value in shares.items()}
        return {"name": self.name, "decided": self.decided, **percent}


@dataclass(frozen=True)
class Agreement:
    weeks: tuple[Share, ...]  # weeks without a decision are left out
    wordings: tuple[Share, ...]
    disputed: int  # labels about which people disagree now

    def chart(self) -> list[dict]:
        return [week.point() for week in self.weeks]


def agreement(weeks: int = WEEKS) -> Agreement:
    """The last `weeks` weeks, in three queries. Of several decisions on a label the last counts,
    as everywhere; dismissals are none.
    """
    rows = _last_decisions(timezone.now() - timedelta(weeks=weeks))
    return Agreement(
        weeks=tuple(_by_week(rows)),
        wordings=tuple(_by_wording(rows)),
        disputed=Classification.objects.disputed().count(),
    )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of hits out of n (n at least 1)."""
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _last_decisions(since) -> QuerySet[Review]:
    decisions = Review.objects.exclude(verdict=Review.Verdict.DISMISSED)
    same = decisions.filter(classification=OuterRef("classification")).order_by("-pk")
    return decisions.filter(pk=Subquery(same.values("pk")[:1]), created__gte=since).order_by()


COUNTS = {
    "decided": Count("pk"),
    "agreed": Count("pk", filter=Q(label=F("classification__label"))),
    "settled": Count("pk", filter=Q(settles=True)),
}


def _by_week(rows: QuerySet[Review]) -> Iterable[Share]:
    grouped = rows.annotate(week=TruncWeek("created")).values("week").annotate(**COUNTS)
    for row in grouped.order_by("week"):
        monday: date = timezone.localtime(row.pop("week")).date()
        yield Share(monday.isoformat(), **row)


def _by_wording(rows: QuerySet[Review]) -> Iterable[Share]:
    wording = {
        "task": F("classification__version__task__name"),
        "slug": F("classification__version__task__slug"),
        "number": F("classification__version__number"),
        "model": F("classification__model_id"),
    }
    grouped = rows.values(**wording).annotate(**COUNTS).order_by(*wording)
    named = Counter(task for task, _ in {(row["task"], row["slug"]) for row in grouped})
    for row in grouped:
        task, slug = row.pop("task"), row.pop("slug")
        shown = f"{task} ({slug})" if named[task] > 1 else task  # names need not be unique
        yield Share(f"{shown}, version {row.pop('number')}, on {row.pop('model')}", **row)
