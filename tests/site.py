"""The real server in a process of its own, with its own data: what a person starts with `up`."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings

START_SECONDS = 90
NEUTRAL = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HTTPS", "DJANGO_SETTINGS_MODULE")


class Site:
    """A running `manage.py up`, ready within `with` and gone after it, whatever happens there.

    Environment variables of the caller's own data are left out.

    Args:
        arguments: of `up`, beside the port.
    """

    def __init__(self, folder: Path, *, arguments: tuple[str, ...] = (), **settings_: str):
        self.folder, self._arguments = folder, arguments
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = folder / "up.log"
        # One thread: beside a browser, two would wait for each other at every matrix product.
        usual = {"CHAT_RATE_ADDRESS": "1000", "CHAT_RATE_VISITOR": "1000", "INFERENCE_THREADS": "1"}
        self._environment = {**_neutral(), **usual, "DATA_DIR": str(folder / "data"), **settings_}
        self.start()

    def start(self) -> None:
        """Run `up`; after `kill` once more, on the same data and port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port), *self._arguments],
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def password(self) -> str:
        """Of the staff user `admin`, as `up` printed it on this first run."""
        return re.search(r"'admin' with password (\S+)", self.log)[1]

    def manage(self, *arguments: str) -> str:
        """Run another command of manage.py on the site's data; what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __enter__(self) -> "Site":
        try:
            return self.wait_ready()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *error) -> None:
        self.kill()

    def wait_ready(self) -> "Site":
        for _ in range(START_SECONDS * 4):
            if self._process.poll() is not None:
                break
            if self._answers():
                return self
            try:
                self._process.wait(0.25)  # the pause between two looks, ended by a death
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f"the server did not become ready:\n{self.log}")

    def stop(self) -> int:
        """Ask it to end, as a service manager does; returns its exit status."""
        self._process.terminate()
        return self._process.wait(30)

    def kill(self) -> None:
        """End it as a crash would, with no chance to tidy up."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (URLError, ConnectionError, TimeoutError):
            return False


def manage(*arguments: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a management command to its end, with data of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**_neutral(), "DATA_DIR": str(data_dir), **variables},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _neutral() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NEUTRAL}
