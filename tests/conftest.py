"""What every room's tests share: settings that keep them apart from a developer's own data."""

import pytest
from hypothesis import settings

from chat import examples, throttle
from inference.fallback import resident as fallback
from inference.repeat import repeats

settings.register_profile("project", deadline=None)  # machines are noisy: no test is a race
settings.load_profile("project")


@pytest.fixture(autouse=True)
def no_counts_left_over():
    """Rate limits count in the process: begin every test at zero."""
    throttle.reset()


@pytest.fixture(autouse=True)
def no_answers_left_over():
    """Repeats are known in the process: begin every test knowing none."""
    repeats.cache_clear()


@pytest.fixture(autouse=True)
def no_fallback_left_over():
    """A fallback classifier lives in the process: every test gets what its settings say."""
    yield
    fallback.forget()


@pytest.fixture(autouse=True)
def no_examples_left_over():
    """Reviewed messages are indexed in the process: begin every test with none."""
    examples.forget()
