"""What the review queue does with several messages at once."""

from functools import partial

from django.contrib import messages
from django.http import HttpRequest

from chat import assignments
from chat.admin.decisions import decide
from chat.labels import enabled_tasks

Action = tuple  # (function, name, title), as ModelAdmin.get_actions has them


def actions() -> dict[str, Action]:
    """Decisions of every kind, and assignment."""
    decisions = {
        name: (partial(_decide_all, decision=decision), name, title)
        for name, title, decision in _bulk_decisions()
    }
    return {
        **decisions,
        "assign_to_me": (_assign_to_me, "assign_to_me", "Assign to me"),
        "unassign": (_unassign, "unassign", "Assign to nobody"),
    }


def _bulk_decisions() -> list[tuple[str, str, dict]]:
    """Name, title and decision of each bulk action: the labels are those of the enabled tasks."""
    versions = [run.version for run in enabled_tasks()]
    names = dict.fromkeys(
        name
        for version in versions
        for name in version.names
        if "review" not in version.flags(name)
    )
    corrections = [
        (f"correct_{name}", f"Correct to {name}", {"verdict": "corrected", "label": name})
        for name in names
    ]
    return [
        ("confirm", "Confirm", {"verdict": "confirmed"}),
        *corrections,
        ("dismiss", "Dismiss", {"verdict": "dismissed"}),
    ]


def _decide_all(model_admin, request: HttpRequest, queryset, *, decision: dict) -> None:
    done = refused = 0
    for row in queryset.select_related("message", "version__task"):
        try:
            model_admin.log_change(request, row, str(decide(row, request.user, **decision)))
            done += 1
        except ValueError:  # the label belongs to another task than this row's
            refused += 1
    model_admin.message_user(request, f"{done} decided.", messages.SUCCESS)
    if refused:
        text = f"{refused} left as they were: their task has no label {decision['label']}."
        model_admin.message_user(request, text, messages.WARNING)


def _assign_to_me(model_admin, request: HttpRequest, queryset) -> None:
    count = assignments.assign(_plain(queryset), request.user)
    model_admin.message_user(request, f"{count} assigned to you.", messages.SUCCESS)


def _unassign(model_admin, request: HttpRequest, queryset) -> None:
    count = assignments.assign(_plain(queryset), None)
    model_admin.message_user(request, f"{count} assigned to nobody.", messages.SUCCESS)


def _plain(queryset):
    """The same rows without the list's joins and annotations, which an update cannot have."""
    return queryset.model.objects.filter(pk__in=queryset.values("pk"))
