"""What happens to a message: which tasks read it, is a reply wanted, is a person wanted.

CHAT_ROUTER chooses. `all`: a reply, and every enabled task. `keyword`: tasks that have phrases run
only where one occurs, and some messages need no reply. `model`: as `all`, then the model's scores
narrow it (chat/model_router.py). Phrases that must reach a person count in every mode.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from chat.models import RoutingPhrase
from chat.phrases import holds_any, is_any
from inference.models import Task

Kind = RoutingPhrase.Kind


@dataclass(frozen=True)
class Route:
    """`tasks` are the slugs of those that run, in their order."""

    tasks: tuple[str, ...]
    reply: bool = True
    person: bool = False


@dataclass(frozen=True)
class Rules:
    """What the rules go by: the enabled tasks, and the phrases of each kind."""

    tasks: tuple[str, ...]
    person: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    calls: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by slug


def route(text: str, tasks: Iterable[Task] | None = None) -> Route:
    """Decide by the rules as they stand in the database now. Synchronous, with ORM calls.

    `tasks` are the enabled ones, of a caller who has just read them.
    """
    tasks = Task.objects.enabled() if tasks is None else tasks
    return decide(text, _rules(tasks), settings.CHAT_ROUTER)


def decide(text: str, rules: Rules, mode: str) -> Route:
    """The route of a message under these rules; pure.

    A message that must reach a person is always answered too, so that it is not met by silence.
    """
    person = holds_any(text, rules.person)
    if mode != "keyword":
        return Route(rules.tasks, person=person)
    called = tuple(slug for slug in rules.tasks if _is_called(text, rules.calls.get(slug, ())))
    return Route(called, reply=person or not is_any(text, rules.quiet), person=person)


def _is_called(text: str, phrases: Sequence[str]) -> bool:
    return not phrases or holds_any(text, phrases)


def _rules(tasks: Iterable[Task]) -> Rules:
    phrases = defaultdict(list)
    rows = RoutingPhrase.objects.values_list("kind", "task__slug", "phrase")
    for kind, slug, phrase in rows:
        phrases[kind, slug].append(phrase)
    return Rules(
        tasks=tuple(task.slug for task in tasks),
        person=tuple(phrases[Kind.PERSON, None]),
        quiet=tuple(phrases[Kind.QUIET, None]),
        calls={slug: each for (kind, slug), each in phrases.items() if kind == Kind.TASK},
    )
