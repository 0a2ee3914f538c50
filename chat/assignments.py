"""Verbs on who is to decide about a label. Anybody who may decide still can."""

from django.db.models import QuerySet

from chat.models import Classification, User


def assign(classifications: QuerySet[Classification], reviewer: User | None) -> int:
    """Give these to a reviewer, or to nobody in particular; returns how many there were."""
    return classifications.update(assignee=reviewer)


def reviewers() -> QuerySet[User]:
    """Who may decide on labels, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    people = User.objects.with_perm("chat.add_review", backend=backend)
    return people.filter(is_staff=True).order_by("username")
