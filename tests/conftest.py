"""What every room's tests share: settings that keep them apart from a developer's own data."""

import pytest

from chat import throttle
from inference.repeat import repeats


@pytest.fixture(autouse=True)
def no_counts_left_over():
    """Rate limits count in the process: begin every test at zero."""
    throttle.reset()


@pytest.fixture(autouse=True)
def no_answers_left_over():
    """Repeats are known in the process: begin every test knowing none."""
    repeats.cache_clear()
