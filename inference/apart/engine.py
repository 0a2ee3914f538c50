"""What the web holds of an engine in another process: the same interface as `Engine`."""

import atexit
import logging
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from inference.apart import wire
from inference.config import InferenceConfig
from inference.engine import check
from inference.errors import QueueFull
from inference.life import STOPPED, EngineLife
from inference.outbox import Deliver, Loop, Target
from inference.sequence import Delta, Event, Failed, Finished, part_names
from inference.tasks import Request

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
CHILD = (sys.executable, "-m", "inference.apart.child")


@dataclass
class _Part:
    """One that has no terminal event yet."""

    target: Target
    waiting: bool = True  # no event of it has come


class EngineApart(EngineLife):
    """Starts a process that runs the model, and speaks for it. `Engine` says what it all means.

    A process that dies takes the open parts with it, each with a Failed, and another one is
    started, unless it died before its model was loaded.
    """

    def __init__(self, config: InferenceConfig, command: tuple[str, ...] = CHILD):
        super().__init__()
        self._config, self._command = config, command
        self._open: dict[tuple[int, str], _Part] = {}
        self._commands: queue.SimpleQueue[wire.Command | None] = queue.SimpleQueue()
        self._child: subprocess.Popen | None = None
        self._thread = threading.Thread(target=self._run, name="engine apart", daemon=True)

    def start(self) -> None:
        """Start the process and load the model there. Starting again changes nothing."""
        with self._lock:
            if self.state != "new":
                return
            self.state = "loading"
        atexit.register(self.stop)
        self._thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Take no more work, fail what is open, and wait for the process at most `timeout` s."""
        with self._lock:
            self.state, self.stage = "stopped", "stopped"
            self._fail_all(STOPPED)
            self._commands.put(wire.Stop())
        self._settled.set()
        self._outbox.flush()
        if self._child is not None:
            _end(self._child, timeout)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        atexit.unregister(self.stop)

    def has_room(self, parts: int = 1) -> bool:
        """Whether a request of so many parts would be taken now."""
        with self._lock:
            waiting = sum(part.waiting for part in self._open.values())
            over = self.state in ("failed", "stopped")
            return not over and waiting + parts <= self._config.max_waiting

    def submit(self, request: Request, deliver: Deliver, loop: Loop | None = None) -> int:
        """As `Engine.submit`. Without a `loop` events come on the thread that reads the pipe."""
        check(request)
        parts = part_names(request)
        with self._lock:
            self._refuse_if_over()
            if not self.has_room(len(parts)):
                raise QueueFull(f"{self._config.max_waiting} parts wait already, at most.")
            ticket = next(self._tickets)
            self._open.update({(ticket, part): _Part((deliver, loop)) for part in parts})
            self._commands.put(wire.Submit(ticket, request))
        return ticket

    def cancel(self, ticket: int, part: str | None = None) -> None:
        """As `Engine.cancel`: in the process, before its next step."""
        with self._lock:
            self._commands.put(wire.Cancel(ticket, part))

    @property
    def pid(self) -> int | None:
        """The process that runs the model, or ran it last."""
        return self._child and self._child.pid

    # The thread that reads what the process says

    def _run(self) -> None:
        while self.state == "loading":
            child = self._begin()
            if child is None:
                break
            for message in wire.heard(child.stdout):
                self._hear(message)
                self._outbox.flush()
            self._gone(child)
            self._outbox.flush()

    def _begin(self) -> subprocess.Popen | None:
        with self._lock:
            if self.state == "stopped":
                return None
            try:
                child = self._child = self._popen()
            except OSError as error:
                self._give_up(f"The model's process did not start: {error}")
                return None
            commands = self._commands
        threading.Thread(target=_write, args=(child, self._config, commands), daemon=True).start()
        return child

    def _popen(self) -> subprocess.Popen:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )

    def _hear(self, message: wire.Message) -> None:
        with self._lock:
            if self.state == "stopped":
                return
            match message:
                case wire.Loading(share, doing):
                    self.progress, self.stage = share, doing
                case wire.Ready(model_id, calibrations):
                    self.model_id, self.calibrations = model_id, calibrations
                    self.state, self.progress, self.stage = "ready", 1.0, "ready"
                    self._settled.set()
                case wire.Broken(error):
                    self._give_up(error)
                    self._commands.put(wire.Stop())
                case wire.Events(events):
                    for ticket, event in events:
                        self._pass_on(ticket, event)

    def _pass_on(self, ticket: int, event: Event) -> None:
        part = self._open.get((ticket, event.part))
        if part is None:
            return
        part.waiting = False
        if not isinstance(event, Delta):
            del self._open[ticket, event.part]
        if isinstance(event, Finished) and event.first_token_ms is not None:
            self.first_tokens.add(event.first_token_ms)
        self._outbox.put(part.target, event)

    def _gone(self, child: subprocess.Popen) -> None:
        """The process has closed its end: on a command, or because it died."""
        code = child.wait()
        with self._lock:
            self._commands.put(None)  # ends the thread that writes
            if self.state in ("stopped", "failed"):
                return
            why = f"The model's process ended ({_reason(code)})."
            logger.error(why)
            if self.state == "loading":
                self._give_up(why)
                return
            self._fail_all(why)
            self._commands = queue.SimpleQueue()
            self._settled.clear()
            self.state, self.progress, self.stage = "loading", 0.0, "starting again"

    def _give_up(self, error: str) -> None:
        with self._lock:
            self.state, self.stage, self.error = "failed", "failed", error
            self._fail_all(error)
        self._settled.set()

    def _fail_all(self, message: str) -> None:
        for (_, name), part in self._open.items():
            self._outbox.put(part.target, Failed(name, message))
        self._open.clear()


def _write(child: subprocess.Popen, config: InferenceConfig, commands: queue.SimpleQueue) -> None:
    """Own thread: neither pickling nor a full pipe may hold up an event loop."""
    try:
        with suppress(OSError):  # it died: who reads finds out why
            wire.put(child.stdin, config)
            while (command := commands.get()) is not None:
                wire.put(child.stdin, command)
    finally:  # whatever ends this ends the process too, so that nobody waits for it
        with suppress(OSError):
            child.stdin.close()


def _end(child: subprocess.Popen, timeout: float) -> None:
    try:
        child.wait(timeout)
    except subprocess.TimeoutExpired:
        logger.warning("The model's process did not leave in %g s and is killed", timeout)
        child.kill()
        child.wait()


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"signal {-code}" + (", perhaps for want of memory" if code == -9 else "")
