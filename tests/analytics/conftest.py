"""Who looks at the desk."""

import pytest

from tests.chat.desk import staff


@pytest.fixture
def lead(client):
    """A browser in which a lead is logged in."""
    client.force_login(staff("lead"))
    return client
