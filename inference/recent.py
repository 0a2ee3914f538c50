"""What the last replies took: enough to see how the engine fares, too little to count as a log."""

import threading
from collections import deque
from statistics import quantiles

KEPT = 256  # replies


class Recent:
    """Milliseconds of the latest replies. Any thread may add, any may ask."""

    def __init__(self, kept: int = KEPT):
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=kept)

    def add(self, milliseconds: float) -> None:
        with self._lock:
            self._times.append(milliseconds)

    def report(self) -> dict[str, float | int | None]:
        """`n` of them with their p50 and p95 in ms; both None when there are none."""
        with self._lock:
            times = list(self._times)
        if not times:
            return {"n": 0, "p50": None, "p95": None}
        # Definition 7 of Hyndman & Fan 1996, as in inference/bench/figures.py; it takes two.
        cuts = quantiles(times * 2 if len(times) == 1 else times, n=20, method="inclusive")
        return {"n": len(times), "p50": cuts[9], "p95": cuts[18]}
