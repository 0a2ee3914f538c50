"""Whether tables are as the code wants them, told from the state that a `migrate` ends in.

`post_migrate` is sent to every app after any migration: of another app alone, and back to an
earlier state too.
"""

from collections.abc import Iterable

from django.apps.registry import Apps
from django.db.models import Model


def are_there(models: Iterable[type[Model]], apps: Apps) -> bool:
    """Whether the migrated state `apps` has the tables of all `models`, with today's columns."""
    return all(_is_there(model, apps) for model in models)


def _is_there(model: type[Model], apps: Apps) -> bool:
    try:
        migrated = apps.get_model(model._meta.label)
    except LookupError:
        return False
    there, wanted = ({field.column for field in m._meta.local_fields} for m in (migrated, model))
    return there == wanted
