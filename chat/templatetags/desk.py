"""How the desk's pages write text, shares and scores."""

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django import template
from django.utils.safestring import SafeString

from chat import extractions, markdown
from chat.models.extraction import Extraction, named
from chat.mood import band
from inference.fallback.resident import report

register = template.Library()


@register.filter
def as_markdown(text: str) -> SafeString:
    """A reply's Markdown as safe HTML. Never for visitors' text."""
    return markdown.render(text)


@register.filter
def percent(share: float) -> str:
    """A probability as people read it: 0.934 is 93 %."""
    return f"{share:.0%}"


@register.filter
def share_of(shares: Mapping[str, float], name: str) -> float:
    """The probability of one label."""
    return shares[name]


@register.filter
def newest(rows: Iterable[Extraction]) -> list[Extraction]:
    """What counts among what tasks wrote about one message."""
    return extractions.standing(sorted(rows, key=lambda row: row.pk))


@register.filter
def value_of(data: Mapping[str, object], name: str) -> str:
    """One value of what a task wrote as JSON; a dash for what is null or left out."""
    return dict(named(data)).get(name, "–")


@register.filter
def signed(score: float, digits: int = 2) -> str:
    """A score with its sign: +0.42, −0.42, 0.00."""
    written = f"{score:+.{digits}f}".replace("-", "−")
    return written if written.strip("+−0.") else written[1:]


@register.filter
def mood_slug(score: float | None) -> str:
    """The name of a score's band, as the stylesheets know it; empty without a score."""
    return "" if score is None else band(score).slug


@register.filter
def minutes(duration: timedelta) -> str:
    """A duration in whole minutes, rounded up."""
    count = math.ceil(duration.total_seconds() / 60)
    return f"{count} minute" if count == 1 else f"{count} minutes"


@register.filter
def wait(milliseconds: float) -> str:
    """How long somebody waited: 340 ms, from a second on 1.2 s."""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


@register.inclusion_tag("admin/fallback_warning.html")
def fallback_warning() -> dict:
    """Says to staff why the fallback classifier of this process does not decide, if it does not."""
    return {"fallback": report()}
