"""What the commands that judge have in common: the engine, and errors as one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from chat.evaluation.baselines import BaselineError
from chat.evaluation.interference import NoOtherTask
from chat.evaluation.labelled import DataError, TooFewExamples
from chat.evaluation.mistakes import MistakesError
from chat.evaluation.replies import ReplyFailed
from chat.evaluation.subject import SubjectError
from inference import resident
from inference.errors import EngineRefusal, ModelError

EXPLAINED = (  # errors whose message tells a person what to do
    DataError,
    MistakesError,
    ReplyFailed,
    BaselineError,
    SubjectError,
    NoOtherTask,
    TooFewExamples,
    ImproperlyConfigured,
    ModelError,
    EngineRefusal,
    TimeoutError,
    RuntimeError,
)


class TaskCommand(BaseCommand):
    """A command with a --version of its own, a task's: Django's gives way."""

    def create_parser(self, prog_name, subcommand, **kwargs):
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)


@contextmanager
def explained() -> Iterator[None]:
    """Whatever a person can mend ends the command with its one line.

    Raises:
        CommandError: with that line.
    """
    try:
        yield
    except DatabaseError as error:
        reason = str(error).splitlines()[0]
        raise CommandError(f"The database is not ready ({reason}). Run migrate first.") from error
    except EXPLAINED as error:
        raise CommandError(str(error)) from error


def ready_engine():
    """The process's engine, its model loaded.

    Raises:
        CommandError: it does not load.
    """
    engine = resident.start()
    if not engine.wait_ready():
        raise CommandError(engine.error or "The engine was stopped.")
    return engine
