"""What every room's tests share: settings that keep them apart from a developer's own data."""

import pytest

from chat import throttle


@pytest.fixture(autouse=True)
def no_counts_left_over():
    """Rate limits count in the process: begin every test at zero."""
    throttle.reset()
