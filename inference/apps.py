from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class InferenceAppConfig(AppConfig):
    name = "inference"

    def ready(self):
        post_migrate.connect(_install_presets, sender=self)


def _install_presets(apps=apps, **kwargs):  # `flush` sends none
    from inference.migrated import are_there
    from inference.models import Task, TaskVersion, install_presets

    if are_there((Task, TaskVersion), apps):
        install_presets()
