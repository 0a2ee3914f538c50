"""What a test wants from the machine: skipped with a reason where it is missing.

With REQUIRE_SERVICES=1, as in `.ci/run`, what is missing is a failure instead.
"""

import os
import shutil

import pytest
import redis as redis_client

REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"
NO_CHROMIUM = "no chromium, chromium-browser or google-chrome on PATH"


def chromium() -> str | None:
    """Path of an installed Chromium."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


def redis() -> str:
    """Address of a Redis that may be used for tests: REDIS_URL, else the usual local one."""
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
    try:
        redis_client.Redis.from_url(url, socket_connect_timeout=1).ping()
    except redis_client.RedisError:
        reason = f"no Redis at {url}"
        pytest.fail(f"{reason}, and REQUIRE_SERVICES=1") if REQUIRED else pytest.skip(reason)
    return url
