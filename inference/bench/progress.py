"""The progress bar on stderr: which arm does what, and how much time is left."""

import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

SELDOM = 0.2  # seconds between two looks at a step that reports often
Doing = tuple[str, str]  # the arm and what it does


class ProgressBar:
    """Steps take from a tenth of a second to a minute, so the time left is not their mean.

    A step is expected to take as long as the same one did in an earlier repeat; one that was
    never done, as long as the mean so far.
    """

    def __init__(self, steps: Sequence[Doing]):
        self._left = list(steps)
        self._took: dict[Doing, float] = {}
        self._doing: Doing | None = None
        self._began = self._shown = time.monotonic()
        self._bar = tqdm(
            total=len(steps),
            file=sys.stderr,
            bar_format="{percentage:3.0f}%|{bar:24}|{postfix}",
        )

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *failure) -> None:
        self._bar.close()

    def __call__(self, arm: str, doing: str) -> None:
        """The last step is over and this one begins."""
        now = time.monotonic()
        if self._doing:
            self._took[self._doing] = now - self._began
            self._bar.update()
        self._doing, self._began = (arm, doing), now
        left = tqdm.format_interval(self._seconds_left())
        self._left.remove(self._doing)
        self._bar.set_postfix_str(f"{arm}: {doing}, about {left} left")

    def share(self, done: float) -> None:
        """How much of the present step is done, 0 to 1, for those that know it."""
        self._bar.set_postfix_str(f"{': '.join(self._doing)}, {done:.0%}", refresh=False)
        if time.monotonic() - self._shown > SELDOM or done >= 1:
            self._shown = time.monotonic()
            self._bar.refresh()

    def _seconds_left(self) -> float:
        mean = sum(self._took.values()) / len(self._took) if self._took else 0.0
        return sum(self._took.get(step, mean) for step in self._left)
