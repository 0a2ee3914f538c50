"""What the filters of the pages offer besides what is fixed."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef

from chat.models import Conversation, User
from inference.models import TaskVersion

NOBODY = "nobody"
MOST_LANGUAGES = 50  # a visitor's browser names its own


@dataclass(frozen=True)
class TaskLabels:
    """A task and the labels that it has had in any version."""

    id: int
    slug: str
    name: str
    labels: tuple[str, ...]


def assignees() -> list[tuple[str, str]]:
    """Everybody who has conversations, as choices of a form."""
    theirs = Conversation.objects.filter(assignee=OuterRef("pk"))
    people = User.objects.filter(Exists(theirs)).order_by("username")
    names = ((str(pk), name) for pk, name in people.values_list("pk", "username"))
    return [("", "Anybody"), (NOBODY, "Nobody"), *names]


def languages() -> list[tuple[str, str]]:
    """The languages of the most conversations in which somebody wrote, as choices of a form.

    Not the first of the alphabet: strangers could push those that are spoken out of the list.
    """
    used = Conversation.objects.filter(message_count__gt=0).order_by().values_list("language")
    most = used.annotate(count=Count("*")).order_by("-count", "language")[:MOST_LANGUAGES]
    return [("", "Any language"), *sorted((each, each) for each, _ in most)]


def tasks() -> list[TaskLabels]:
    """Every task that has had labels, by name."""
    versions = TaskVersion.objects.select_related("task").order_by("task__name", "number")
    found: dict[int, tuple[str, str, dict[str, None]]] = {}
    for version in versions:
        task = version.task
        _, _, labels = found.setdefault(task.pk, (task.slug, task.name, {}))
        labels.update(dict.fromkeys(version.names))
    labelled = ((pk, *each) for pk, each in found.items() if each[-1])
    return [TaskLabels(pk, slug, name, tuple(labels)) for pk, slug, name, labels in labelled]
