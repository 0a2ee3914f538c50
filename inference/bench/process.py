"""An arm in a process of its own, so that memory peaks and thread pools do not mix."""

import multiprocessing
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection

from inference.bench import arms
from inference.bench.arms import Arm, Setting
from inference.bench.errors import ArmFailed
from inference.bench.figures import Figures
from inference.bench.machine import peak_gb, resident_gb
from inference.bench.measurements import Measurement
from inference.bench.workload import Workload

PATIENCE = 10  # seconds for a process to end by itself


@dataclass(frozen=True)
class Loaded:
    """What loading an arm took: seconds, and GB of its process."""

    load_s: float
    rss_gb: float
    peak_rss_gb: float
    dtype: str


class ArmProcess:
    """Starts the arm's process; one call at a time, and only the one called has work to do.

    Raises ArmFailed from any method, with the reason, if the arm raises or its process dies.
    """

    def __init__(self, name: str, setting: Setting, workload: Workload):
        self.name = name
        spawn = multiprocessing.get_context("spawn")  # a fork would share torch's threads
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(
            target=_serve, args=(theirs, name, setting, workload), name=f"bench-{name}", daemon=True
        )
        self._process.start()
        theirs.close()

    def load(self) -> Loaded:
        return self._call(None)

    def measure(self, measurement: Measurement) -> Figures:
        return self._call(measurement)

    def close(self) -> None:
        """End the process; its memory is free afterwards."""
        self._pipe.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _call(self, order: Measurement | None):
        try:
            self._pipe.send(order)
            succeeded, result = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(PATIENCE)
            code = self._process.exitcode
            raise ArmFailed(f"Its process ended (exit code {code}): out of memory?") from error
        if not succeeded:
            raise ArmFailed(result)
        return result


def _serve(pipe: Connection, name: str, setting: Setting, workload: Workload) -> None:
    """The process: do what is ordered until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it is over
    arm = arms.make(name, setting)
    try:
        while True:
            order = pipe.recv()
            pipe.send(_result(arm, order, workload))
    except (EOFError, BrokenPipeError):
        arm.close()


def _result(arm: Arm, order: Measurement | None, workload: Workload) -> tuple[bool, object]:
    try:
        return True, _load(arm) if order is None else order.run(arm, workload)
    except ArmFailed as error:
        return False, str(error)
    except Exception as error:  # the other side cannot see it: say what it was
        traceback.print_exc(file=sys.stderr)
        return False, f"{type(error).__name__}: {error}"


def _load(arm: Arm) -> Loaded:
    began = time.perf_counter()
    arm.load()
    return Loaded(time.perf_counter() - began, resident_gb(), peak_gb(), arm.dtype)
