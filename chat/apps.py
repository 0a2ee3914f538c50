from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ChatAppConfig(AppConfig):
    name = "chat"
    verbose_name = "Support desk"

    def ready(self):
        from chat import checks  # noqa: F401 (registers the system checks)

        post_migrate.connect(_install_defaults, sender=self)


def _install_defaults(apps=apps, **kwargs):  # `flush` sends none
    from django.contrib.auth.models import Group, Permission

    from chat.groups import install_groups
    from chat.models import AlertRule, ReplyPrompt, RoutingPhrase
    from inference.migrated import are_there

    if not are_there((Group, Permission, ReplyPrompt, RoutingPhrase, AlertRule), apps):
        return
    install_groups()
    ReplyPrompt.objects.install_default()
    RoutingPhrase.objects.install_defaults()
    AlertRule.objects.install_defaults()
