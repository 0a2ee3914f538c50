"""The groups agent, reviewer and lead, with the rights their names say."""

from django.contrib.auth.models import Group, Permission

from chat.models import GivenRight

READ = [
    "view_conversation",
    "view_message",
    "view_classification",
    "view_extraction",
    "view_review",
    "view_alert",
]
RIGHTS = {
    "agent": [*READ, "change_alert", "change_conversation", "add_message"],
    "reviewer": [*READ, "change_alert", "add_review"],
    "lead": [
        *READ,
        "change_alert",
        "view_alertrule",
        "add_alertrule",
        "change_alertrule",
        "change_conversation",
        "add_message",
        "add_review",
        "settle_review",
        "export_conversation",
        "view_replyprompt",
        "add_replyprompt",
        "view_routingphrase",
        "add_routingphrase",
        "change_routingphrase",
        "delete_routingphrase",
        "view_task",
        "add_task",
        "change_task",
        "view_taskversion",
        "view_user",
        "view_apitoken",
        "add_apitoken",
        "change_apitoken",
    ],
}


APPS = ["chat", "inference"]


def install_groups() -> None:
    """Create missing groups, and give each the rights of its name that it never had.

    So a later release brings its new rights along, and what people added or took away stays.
    """
    for name, codenames in RIGHTS.items():
        group, _ = Group.objects.get_or_create(name=name)
        given = GivenRight.objects.filter(group=group).values("permission")
        rights = Permission.objects.filter(codename__in=codenames, content_type__app_label__in=APPS)
        new = list(rights.exclude(pk__in=given))
        group.permissions.add(*new)
        GivenRight.objects.bulk_create(GivenRight(group=group, permission=each) for each in new)
