"""The admin's sidebar: named in `UNFOLD["SIDEBAR"]["navigation"]` as chat.admin.desk.navigation."""

from django.http import HttpRequest
from django.urls import reverse_lazy

from chat.models import Alert, Classification

SEE_ALERTS = "chat.view_alert"


def navigation(request: HttpRequest) -> list[dict]:
    """What this person may use, desk first."""
    groups = [
        (
            "Desk",
            [
                _item("Dashboard", "monitoring", "analytics:overview", "chat.view_conversation"),
                _counted(
                    _item("Alerts", "crisis_alert", "admin:chat_alert_changelist", SEE_ALERTS),
                    Alert.objects.open().count() if request.user.has_perm(SEE_ALERTS) else 0,
                ),
                _review_queue(request),
                _item(
                    "Extracted details",
                    "data_object",
                    "admin:chat_extraction_changelist",
                    "chat.view_extraction",
                ),
                _item("Decisions", "history", "admin:chat_review_changelist", "chat.view_review"),
                _item(
                    "Conversations",
                    "forum",
                    "admin:chat_conversation_changelist",
                    "chat.view_conversation",
                ),
                {**_item("Chat page", "chat", "chat:page"), "active": _never},
            ],
        ),
        (
            "The assistant",
            [
                _item(
                    "Reply prompt",
                    "record_voice_over",
                    "admin:chat_replyprompt_changelist",
                    "chat.view_replyprompt",
                ),
                _item(
                    "Alert rules",
                    "notifications",
                    "admin:chat_alertrule_changelist",
                    "chat.view_alertrule",
                ),
                _item(
                    "Routing phrases",
                    "alt_route",
                    "admin:chat_routingphrase_changelist",
                    "chat.view_routingphrase",
                ),
                _item("Tasks", "label", "admin:inference_task_changelist", "inference.view_task"),
                _item(
                    "Task versions",
                    "history",
                    "admin:inference_taskversion_changelist",
                    "inference.view_taskversion",
                ),
            ],
        ),
        (
            "People",
            [
                _item("Users", "person", "admin:chat_user_changelist", "chat.view_user"),
                _item("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
                _item("API tokens", "key", "admin:chat_apitoken_changelist", "chat.view_apitoken"),
                _item("API documentation", "api", "api:openapi-view", "chat.view_apitoken"),
            ],
        ),
    ]
    return [{"title": title, "items": items} for title, items in groups if _any(request, items)]


def _review_queue(request: HttpRequest) -> dict:
    right = "chat.view_classification"
    item = _item("Review queue", "flag", "admin:chat_classification_changelist", right)
    return _counted(item, _waiting(request) if request.user.has_perm(right) else 0)


def _counted(item: dict, count: int) -> dict:
    """With a badge that counts what waits, but none when nothing does."""
    return item | ({"badge": count} if count else {})


def _waiting(request: HttpRequest) -> int:
    """Messages nobody has decided on, and for who may settle them the disagreements."""
    count = Classification.objects.flagged().unreviewed().count()
    if request.user.has_perm("chat.settle_review"):
        count += Classification.objects.disputed().count()
    return count


def _item(title: str, icon: str, address: str, right: str = "") -> dict:
    item = {"title": title, "icon": icon, "link": reverse_lazy(address)}
    return {**item, "permission": lambda request: not right or request.user.has_perm(right)}


def _never(request: HttpRequest) -> bool:
    """The chat page's address begins every other one, so it would always seem to be open."""
    return False


def _any(request: HttpRequest, items: list[dict]) -> bool:
    return any(item["permission"](request) for item in items)
