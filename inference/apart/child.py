"""The model's process: `python -m inference.apart.child`, started by `EngineApart` and nobody else.

It takes commands from its standard input and gives messages to its standard output. What libraries
print goes to the log instead. It knows nothing of Django.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from inference.apart import wire
from inference.config import InferenceConfig
from inference.engine import Engine
from inference.errors import EngineRefusal
from inference.sequence import Event, Failed, part_names
from inference.tasks import Request

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"  # as in aio_site/settings.py


def main() -> None:
    # Whoever started this ends it, by a command or by closing the pipe: a Ctrl-C or a service
    # manager's signal to the whole group must not take the model from replies that are to be kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING").upper(), format=FORMAT)
    commands = wire.heard(sys.stdin.buffer)
    config = next(commands, None)
    if config is not None:
        _Child(config, out).serve(commands)


class _Child:
    """An engine, and the wire to whoever asks it."""

    def __init__(self, config: InferenceConfig, out: BinaryIO):
        self._out, self._lock = out, threading.Lock()
        self._step: list[tuple[int, Event]] = []
        self._engine = Engine(
            partial(self._load, config),
            max_waiting=config.max_waiting,
            max_running=config.max_running,
        )

    def serve(self, commands) -> None:
        self._engine.start()
        threading.Thread(target=self._tell_of_loading, daemon=True).start()
        for command in commands:
            if isinstance(command, wire.Stop):
                break
            self._obey(command)
        self._engine.stop()

    def call_soon_threadsafe(self, post: Callable, events: list) -> None:
        """What the outbox takes for an event loop: one message for the events of a step."""
        post(events)
        told, self._step = tuple(self._step), []
        self._say(wire.Events(told))

    def _obey(self, command: wire.Command) -> None:
        match command:
            case wire.Submit(ticket, request):
                self._submit(ticket, request)
            case wire.Cancel(ticket, part):
                self._engine.cancel(ticket, part)

    def _submit(self, ticket: int, request: Request) -> None:
        try:
            self._engine.submit(request, partial(self._note, ticket), self, ticket)
        except EngineRefusal as error:  # between its failure and the other side's hearing of it
            failed = (Failed(part, str(error)) for part in part_names(request))
            self._say(wire.Events(tuple((ticket, event) for event in failed)))

    def _note(self, ticket: int, event: Event) -> None:
        self._step.append((ticket, event))

    def _load(self, config: InferenceConfig, progress: Callable[[float, str], None]):
        from inference.loading import load

        def both(share: float, doing: str) -> None:
            progress(share, doing)
            self._say(wire.Loading(share, doing))

        return load(config, both)

    def _tell_of_loading(self) -> None:
        if self._engine.wait_ready():
            self._say(wire.Ready(self._engine.model_id, dict(self._engine.calibrations)))
        elif self._engine.error:
            self._say(wire.Broken(self._engine.error))

    def _say(self, message: wire.Message) -> None:
        try:
            with self._lock:
                wire.put(self._out, message)
        except OSError:  # nobody listens any more
            os._exit(1)


if __name__ == "__main__":
    main()
