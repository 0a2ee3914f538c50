from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ChatAppConfig(AppConfig):
    name = "chat"
    verbose_name = "Support desk"

    def ready(self):
        from chat import checks  # noqa: F401 (registers the system checks)

        post_migrate.connect(_install_defaults, sender=self)


def _install_defaults(**kwargs):
    from chat.groups import install_groups
    from chat.models import ReplyPrompt, RoutingPhrase

    install_groups()
    ReplyPrompt.objects.install_default()
    RoutingPhrase.objects.install_defaults()
