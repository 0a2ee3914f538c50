"""The groups agent, reviewer and lead, with the rights their names say."""

from django.contrib.auth.models import Group, Permission

READ = ["view_conversation", "view_message", "view_classification", "view_review"]
RIGHTS = {
    "agent": [*READ, "change_conversation", "add_message"],
    "reviewer": [*READ, "add_review"],
    "lead": [
        *READ,
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


def install_groups() -> None:
    """Create missing groups with their rights; leave groups that exist as people set them."""
    for name, codenames in RIGHTS.items():
        group, created = Group.objects.get_or_create(name=name)
        if created:
            group.permissions.set(
                Permission.objects.filter(
                    codename__in=codenames, content_type__app_label__in=["chat", "inference"]
                )
            )
