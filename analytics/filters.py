"""What a lead may ask the list of conversations for: a form, and the queryset it stands for."""

from datetime import date, timedelta
from uuid import UUID

from django import forms
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from analytics import choices
from analytics.choices import NOBODY
from analytics.periods import midnight
from analytics.trouble import LOST, RECOVERED, in_trouble, labelled, went
from chat.models import Conversation, Message
from chat.mood import BANDS, Band

NO_MOOD = "none"
NEWEST, WORST = "newest", "worst"
ORDERS = {
    NEWEST: [F("last_message_at").desc(nulls_last=True), "-created"],
    WORST: [F("mood_score").asc(nulls_last=True), F("last_message_at").desc(nulls_last=True)],
}
FROM_ROLLUP = ("outcome", "task", "has")  # fields whose answer is looked up there
DAY = {"type": "date", "min": "2000-01-01", "max": "9998-12-31"}


class ConversationFilter(forms.Form):
    """Every field is optional. A field with an error is ignored, and says so on the page."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Words, name, e-mail"}),
    )
    status = forms.ChoiceField(
        required=False, choices=[("", "Any status"), *Conversation.Status.choices]
    )
    band = forms.ChoiceField(
        label="Mood",
        required=False,
        choices=[
            ("", "Any mood"),
            *((band.slug, band.name) for band in BANDS),
            (NO_MOOD, "No mood yet"),
        ],
    )
    label = forms.ChoiceField(label="Has a message", required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs=DAY))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs=DAY))
    language = forms.CharField(
        required=False, max_length=16, widget=forms.TextInput(attrs={"placeholder": "en, zh-CN"})
    )
    assignee = forms.ChoiceField(required=False, choices=choices.assignees)
    outcome = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Any outcome"),
            (RECOVERED, "Turned bad, recovered"),
            (LOST, "Turned bad, lost"),
        ],
    )
    trouble = forms.BooleanField(label="In trouble now", required=False)
    flagged = forms.BooleanField(label="With open flags", required=False)
    order = forms.ChoiceField(
        required=False, choices=[(NEWEST, "Newest first"), (WORST, "Worst mood first")]
    )
    task = forms.SlugField(label="Has a label of", required=False, widget=forms.HiddenInput)
    has = forms.RegexField(  # task and label, as the overview's links give them
        r"^[-\w]+:.",
        label="Has the label",
        required=False,
        max_length=200,
        widget=forms.HiddenInput,
    )

    def __init__(self, *args, labels: tuple[str, ...] = (), **kwargs):
        super().__init__(*args, **kwargs)
        names = ((name, f"labelled {name}") for name in labels)
        self.fields["label"].choices = [("", "With any label"), *names]

    def clean_since(self) -> date | None:
        return possible(self.cleaned_data["since"])

    def clean_until(self) -> date | None:
        return possible(self.cleaned_data["until"])

    def clean(self) -> dict:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day lies before the first one.")
        return self.cleaned_data

    @property
    def active(self) -> bool:
        """Whether the list is narrowed at all."""
        self.is_valid()
        return any(value for name, value in self.cleaned_data.items() if name != "order")

    @property
    def from_rollup(self) -> bool:
        """Whether what it finds is right only where the rollup is not behind."""
        self.is_valid()
        return any(self.cleaned_data.get(name) for name in FROM_ROLLUP)

    def narrow(self, conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
        """The conversations asked for, in the order asked for."""
        self.is_valid()
        asked = self.cleaned_data
        for name, value in asked.items():
            if value and name in NARROWING:
                conversations = conversations.filter(NARROWING[name](value))
        return conversations.order_by(*ORDERS[asked.get("order") or NEWEST])


def possible(day: date | None) -> date | None:
    """A day of a year that the calendar has room around.

    Raises:
        ValidationError: it is not.
    """
    if day and not 2000 <= day.year <= 9998:  # the edges of the calendar have no next day
        raise forms.ValidationError("Give a year from 2000 to 9998.")
    return day


def assigned_to(choice: str) -> Q:
    """A person by primary key, or nobody."""
    return Q(assignee=None) if choice == NOBODY else Q(assignee=choice)


def _search(words: str) -> Q:
    said = Message.objects.filter(conversation=OuterRef("pk"), text__icontains=words)
    found = Q(name__icontains=words) | Q(email__icontains=words) | Q(Exists(said))
    beginning = words.lower().removeprefix("visitor ").strip()
    # One digit at least: SQLite stores no hyphens, so those alone would begin every number.
    if beginning.strip("-") and all(each in "0123456789abcdef-" for each in beginning):
        found |= Q(id__startswith=beginning) if len(beginning) < 36 else _by_id(beginning)
    return found


def _by_id(text: str) -> Q:
    try:
        return Q(id=UUID(text))
    except ValueError:
        return Q(pk__in=[])


def _in_band(slug: str) -> Q:
    if slug == NO_MOOD:
        return Q(mood_score=None)
    return band_range(next(band for band in BANDS if band.slug == slug))


def band_range(band: Band) -> Q:
    """`Band.holds` as a condition on `mood_score`."""
    above = "gt" if band.low > 0 else "gte"
    below = "lt" if band.high < 0 else "lte"
    return Q(**{f"mood_score__{above}": band.low, f"mood_score__{below}": band.high})


def _labelled(label: str) -> Q:
    return Q(Exists(Message.objects.filter(conversation=OuterRef("pk"), label=label)))


NARROWING = {
    "q": _search,
    "status": lambda status: Q(status=status),
    "band": _in_band,
    "label": _labelled,
    "since": lambda day: Q(last_message_at__gte=midnight(day)),
    "until": lambda day: Q(last_message_at__lt=midnight(day + timedelta(days=1))),
    "flagged": lambda _: Q(flagged__gt=0),
    "language": lambda language: Q(language=language),
    "assignee": assigned_to,
    "outcome": went,
    "trouble": lambda _: in_trouble(),
    "task": labelled,
    "has": lambda has: labelled(*has.split(":", 1)),
}
