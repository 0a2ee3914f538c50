from django.apps import AppConfig
from django.db.models.signals import post_migrate


class InferenceAppConfig(AppConfig):
    name = "inference"

    def ready(self):
        post_migrate.connect(_install_presets, sender=self)


def _install_presets(**kwargs):
    from inference.models import install_presets

    install_presets()
