"""The figures of the overview, read from the rollup in a number of queries that stays put."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from django.db.models import QuerySet, Sum

from analytics.choices import TaskLabels
from analytics.models import ConversationHour, ConversationLabel
from analytics.overview_filter import OverviewFilter
from analytics.periods import HOUR, Period, days_of, name_of, period_of, periods
from chat.labels import MOOD_TASK

SUMS = ("messages", "negative", "neutral", "positive", "conversations", "recovered", "lost")
SAMPLE = 1000  # conversation-hours, some 8,000 replies: the median of more is the same


@dataclass(frozen=True)
class Figures:
    """Sums over a range, or over one of its periods; `address` opens the list behind them."""

    name: str
    address: str  # empty by hour: the list is cut by days
    messages: int = 0
    negative: int = 0  # visitor messages by the polarity of the label that counts
    neutral: int = 0
    positive: int = 0
    conversations: int = 0  # whose last message was then
    recovered: int = 0
    lost: int = 0

    @property
    def labelled(self) -> int:
        return self.negative + self.neutral + self.positive

    @property
    def negative_share(self) -> float | None:
        """Of the labelled messages, in [0, 1]; None without any."""
        return self.negative / self.labelled if self.labelled else None

    @property
    def recovered_share(self) -> float | None:
        """Of the conversations that turned bad, in [0, 1]; None without any."""
        turned = self.recovered + self.lost
        return self.recovered / turned if turned else None

    def point(self) -> dict:
        """A point of the chart, JSON-ready; the share in percent."""
        share = self.negative_share
        return {
            "name": self.name,
            "address": self.address,
            "sides": [self.negative, self.neutral, self.positive],
            "share": None if share is None else round(100 * share, 1),
        }


@dataclass(frozen=True)
class LabelShare:
    """How often a task gave one label, by the label that counts."""

    label: str
    count: int
    share: float  # of the task's labels in the range, in [0, 1]
    negative_share: float  # of the messages with this label, those in a negative mood
    address: str


@dataclass(frozen=True)
class TaskShares:
    name: str
    labels: tuple[LabelShare, ...]


@dataclass(frozen=True)
class Waits:
    """Medians of the newest replies and labels of the range, in ms; None without any."""

    first_token_ms: float | None
    label_ms: float | None


@dataclass(frozen=True)
class Overview:
    by: str
    total: Figures
    before: Figures  # as many days just before
    periods: tuple[Figures, ...]
    waits: Waits
    tasks: tuple[TaskShares, ...]

    def chart(self) -> list[dict]:
        return [each.point() for each in self.periods]


def overview(form: OverviewFilter, tasks: Sequence[TaskLabels]) -> Overview:
    """What a valid form asks for."""
    rows = ConversationHour.objects.filter(form.counted())
    by = form.cleaned_data["by"]
    sums = _sums(rows, by)
    total = Counter()
    for each in sums.values():
        total.update(each)
    return Overview(
        by=by,
        total=Figures("All", form.behind(), **total),
        before=_before(form),
        periods=tuple(_periods(form, by, sums)),
        waits=_waits(rows),
        tasks=tuple(_tasks(form, tasks)),
    )


def _sums(rows: QuerySet[ConversationHour], by: str) -> dict:
    """Sums by period; days and not hours are read wherever that does, for there are fewer."""
    key = "hour" if by == HOUR else "day"
    grouped = rows.values(key).annotate(**{f"sum_{name}": Sum(name) for name in SUMS}).order_by()
    sums = defaultdict(Counter)
    for row in grouped:
        sums[period_of(row[key], by)].update({name: row[f"sum_{name}"] for name in SUMS})
    return sums


def _before(form: OverviewFilter) -> Figures:
    rows = ConversationHour.objects.filter(form.counted_before())
    sums = rows.aggregate(**{f"sum_{name}": Sum(name) for name in SUMS})
    return Figures("Before", "", **{name: sums[f"sum_{name}"] or 0 for name in SUMS})


def _periods(form: OverviewFilter, by: str, sums: dict) -> Iterable[Figures]:
    since, until = form.cleaned_data["since"], form.cleaned_data["until"]
    for period in periods(by, since, until):
        yield Figures(name_of(period, by), _address(form, period, by), **sums.get(period, {}))


def _address(form: OverviewFilter, period: Period, by: str) -> str:
    """Of the conversations whose last message was then."""
    if by == HOUR:
        return ""
    first, last = days_of(period, by, form.cleaned_data["since"], form.cleaned_data["until"])
    return form.behind(since=first, until=last)


def _waits(rows: QuerySet[ConversationHour]) -> Waits:
    newest = rows.order_by("-day", "-hour").values_list("first_token_ms", "label_ms")[:SAMPLE]
    first_token, label = zip(*newest, strict=True) if newest else ((), ())
    return Waits(_median(first_token), _median(label))


def _median(lists: Iterable[list[float]]) -> float | None:
    values = list(chain.from_iterable(lists))
    return median(values) if values else None


def _tasks(form: OverviewFilter, tasks: Sequence[TaskLabels]) -> Iterable[TaskShares]:
    """Tasks with labels in the range; the mood is in every other figure already."""
    others = {task.id: task for task in tasks if task.slug != MOOD_TASK}
    rows = ConversationLabel.objects.filter(form.counted(), task__in=list(others))
    counts = defaultdict(dict)
    summed = rows.values("task_id", "label").annotate(n=Sum("count"), bad=Sum("negative"))
    for row in summed.order_by("-n", "label"):
        counts[row["task_id"]][row["label"]] = row["n"], row["bad"]
    for task in others.values():
        if task.id in counts:
            yield TaskShares(task.name, tuple(_shares(form, task, counts[task.id])))


def _shares(form: OverviewFilter, task: TaskLabels, counts: dict) -> Iterable[LabelShare]:
    total = sum(count for count, _ in counts.values())
    for label, (count, negative) in counts.items():
        address = form.behind(has=f"{task.slug}:{label}")
        yield LabelShare(label, count, count / total, negative / count, address)
