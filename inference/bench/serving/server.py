"""The real server in a process of its own: `manage.py up` on data that nobody will miss."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings

from inference.bench.errors import BenchError
from inference.config import POCKET

PATIENCE = 180  # seconds until the model is loaded
FAREWELL = 20  # seconds from SIGTERM to the end
LOOK = 0.2  # seconds between two looks
# What the caller's own site is made of has no place here.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HTTPS", "DEBUG", "ALERT_WEBHOOK_URL")
UNLIMITED = str(10**9)  # messages a minute: the load is the measurement's business


class Server:
    """A running `manage.py up`. Made by `serving`, which also ends it."""

    def __init__(self, folder: Path, variables: dict[str, str]):
        self._log = folder / "up.log"
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=settings.BASE_DIR,
                env=_environment(folder, variables),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the command, which ends the server then
            )

    def wait_ready(self) -> None:
        """Wait for the model.

        Raises:
            BenchError: the server ended, or took too long; with the last that it said.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            if self.report():
                return
            time.sleep(LOOK)
        raise BenchError(f"The server did not start: {self.last_words()}")

    def report(self) -> dict | None:
        """What `/readyz` says; None until the model is loaded."""
        try:
            with urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return json.load(answer)
        except (URLError, OSError):
            return None

    def last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing."

    def close(self) -> None:
        """End it, by force if it does not end by itself."""
        self._process.terminate()
        try:
            self._process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def serving(variables: dict[str, str]) -> Iterator[Server]:
    """A server with a loaded pocket model; it and its data are gone afterwards, whatever happens.

    Args:
        variables: environment variables beside the usual ones.
    """
    with _interruptions() as release, tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        server = Server(Path(folder), variables)
        try:
            release()
            server.wait_ready()
            yield server
        finally:
            server.close()


@contextmanager
def _interruptions() -> Iterator[Callable[[], None]]:
    """Let SIGTERM end the command as Ctrl-C does, and hold both back until `release` is called.

    One that came while the process was just being started would leave it behind, with nobody who
    knows of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    held, came = True, False

    def interrupt(number, frame) -> None:
        nonlocal came
        came = True
        if not held:
            raise KeyboardInterrupt

    def release() -> None:
        nonlocal held
        held = False
        if came:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield release
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _environment(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    usual = {
        "DATA_DIR": str(folder / "data"),
        "INFERENCE_MODEL": str(POCKET),
        "CHAT_ENABLED": "on",
        "CHAT_RATE_VISITOR": UNLIMITED,
        "CHAT_RATE_ADDRESS": UNLIMITED,
    }
    return {**kept, **usual, **variables}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
