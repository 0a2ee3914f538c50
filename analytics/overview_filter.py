"""What a lead may ask the overview for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from analytics import choices
from analytics.choices import TaskLabels
from analytics.filters import DAY as DAY_INPUT
from analytics.filters import assigned_to, possible
from analytics.periods import DAY, HOUR, MOST_DAYS, WEEK, fitting
from analytics.trouble import labelled
from chat.models import Conversation

USUAL_DAYS = 30
DAY_LONG = timedelta(days=1)
RANGES = (("Today", 1), ("7 days", 7), ("30 days", 30), ("90 days", 90), ("12 months", 365))
CARRIED = ("status", "language", "assignee", "task", "has")


@dataclass(frozen=True)
class Range:
    """A range to choose, and whether it is the one that is shown."""

    name: str
    address: str
    current: bool


class OverviewFilter(forms.Form):
    """Every field is optional; without a range it shows the last 30 days, today included."""

    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs=DAY_INPUT))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs=DAY_INPUT))
    by = forms.ChoiceField(
        label="Periods",
        required=False,
        choices=[("", "As it fits"), (HOUR, "Hours"), (DAY, "Days"), (WEEK, "Weeks")],
    )
    status = forms.ChoiceField(
        required=False, choices=[("", "Any status"), *Conversation.Status.choices]
    )
    language = forms.ChoiceField(required=False, choices=choices.languages)
    assignee = forms.ChoiceField(required=False, choices=choices.assignees)
    task = forms.ChoiceField(label="Has a label of", required=False)
    has = forms.ChoiceField(label="Has the label", required=False)

    def __init__(self, *args, tasks: Sequence[TaskLabels] = (), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["task"].choices = [
            ("", "Any task"),
            *((each.slug, each.name) for each in tasks),
        ]
        self.fields["has"].choices = [("", "Any label"), *(_group(each) for each in tasks)]

    def clean_since(self) -> date | None:
        return possible(self.cleaned_data["since"])

    def clean_until(self) -> date | None:
        return possible(self.cleaned_data["until"])

    def clean(self) -> dict:
        asked = self.cleaned_data
        if "since" in asked and "until" in asked:
            asked["since"], asked["until"] = _range(asked["since"], asked["until"])
            self._check_range(asked["since"], asked["until"])
        return asked

    def _check_range(self, since: date, until: date) -> None:
        days = (until - since).days + 1
        by = self.cleaned_data.get("by") or fitting(days)
        if days < 1:
            self.add_error("until", "This day lies before the first one.")
        elif days > MOST_DAYS[by]:
            self.add_error("since", f"By {by}, ask for {MOST_DAYS[by]} days at most.")
        self.cleaned_data["by"] = by

    @property
    def active(self) -> bool:
        """Whether anything was asked for; the form must have been validated."""
        return any(self.data.get(name) for name in self.fields)

    def conversations(self, pk: str = "pk") -> Q:
        """Everything but the range, as a condition on conversations or on rows of the rollup.

        Args:
            pk: the column that names the conversation.
        """
        asked = self.cleaned_data
        found = Q()
        for name in ("status", "language"):
            if asked[name]:
                found &= Q(**{name: asked[name]})
        if asked["assignee"]:
            found &= assigned_to(asked["assignee"])
        if asked["task"]:
            found &= labelled(asked["task"], conversation=pk)
        if asked["has"]:
            found &= labelled(*asked["has"].split(":", 1), conversation=pk)
        return found

    def counted(self) -> Q:
        """All that was asked for, as a condition on rows of the rollup."""
        days = Q(day__range=(self.cleaned_data["since"], self.cleaned_data["until"]))
        return days & self.conversations("conversation_id")

    def counted_before(self) -> Q:
        """The same over as many days just before the range."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        days = Q(day__range=(since - (until - since) - DAY_LONG, since - DAY_LONG))
        return days & self.conversations("conversation_id")

    def ranges(self) -> list[Range]:
        """Ranges up to today that are a click away; what else was asked for stays."""
        today = timezone.localdate()
        chosen = (self.cleaned_data.get("since"), self.cleaned_data.get("until"))
        return [
            self._range(name, today - timedelta(days=n - 1), today, chosen) for name, n in RANGES
        ]

    def _range(self, name: str, since: date, until: date, chosen: tuple) -> Range:
        asked = {each: self.data.get(each) for each in CARRIED} | {"since": since, "until": until}
        kept = {each: str(value) for each, value in asked.items() if value}
        return Range(name, f"?{urlencode(kept)}", chosen == (since, until))

    def behind(self, **more: str | date) -> str:
        """The address of the list of conversations behind a figure, narrowed by `more`."""
        asked = {name: self.cleaned_data[name] for name in ("since", "until", *CARRIED)}
        kept = {name: str(value) for name, value in (asked | more).items() if value}
        return f"{reverse('analytics:conversations')}?{urlencode(kept)}"


def _group(task: TaskLabels) -> tuple[str, list[tuple[str, str]]]:
    return task.name, [(f"{task.slug}:{label}", label) for label in task.labels]


def _range(since: date | None, until: date | None) -> tuple[date, date]:
    """Fill in what is missing: up to today, and 30 days long."""
    until = until or max(timezone.localdate(), since or date.min)
    return since or until - timedelta(days=USUAL_DAYS - 1), until
