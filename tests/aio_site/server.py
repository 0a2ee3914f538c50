"""The real server as a subprocess: `manage.py up` on a free port with a database of its own."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def manage(*arguments: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a management command to its end, in an environment with these variables only."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(data_dir, **variables),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATA_DIR": str(data_dir), **variables}


class Server:
    """`up` from its start to its end; what it printed is in `log`."""

    def __init__(self, data_dir: Path, **variables: str):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log_file = data_dir / f"up-{self.port}.log"
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
        with open(self.log_file, "w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(data_dir, **variables),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def password(self) -> str:
        """The staff password, as printed on the first run."""
        return re.search(r"with password (\S+)", self.log)[1]

    def wait_ready(self) -> None:
        """Return once the model is loaded; raise with the log if the server ends before."""
        deadline = time.monotonic() + START_SECONDS
        while not self.answers("/readyz"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server did not come up:\n{self.log}")

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.address + path, timeout=1) as answer:
                return answer.status == 200
        except (HTTPError, URLError, OSError):
            return self.process.poll() is None and self._pause()

    def terminate(self) -> int:
        """End it as a supervisor would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def _pause(self) -> bool:
        """A short wait that ends early if the process does; always False."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.1)
        return False
