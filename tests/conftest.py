"""What every room's tests share: settings that keep them apart from a developer's own data."""

import os

import pytest
from hypothesis import settings

from chat import examples, throttle
from inference.fallback import resident as fallback
from inference.repeat import repeats

# Machines are noisy: no test is a race. What lands is no lottery either: the same examples each
# time. HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("project", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "project"))


DATABASE = {"db", "transactional_db"}  # the fixtures behind pytest-django's others


def pytest_collection_modifyitems(items):
    """Mark what uses the database, so that `.ci/run` runs it on a second one."""
    for item in items:
        if DATABASE & set(item.fixturenames) or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.rows)


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
