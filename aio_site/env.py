"""Typed readers of environment variables. A bad value raises with the variable's name."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

SHORTEST_SECRET = 16  # characters
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value not in TRUE | FALSE:
        raise _bad(name, value, "one of " + ", ".join(sorted(TRUE | FALSE)))
    return value in TRUE


def integer(name: str, default: int, minimum: int = 0) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise _bad(name, value, f"a whole number, {minimum} or more") from None
    if number < minimum:
        raise _bad(name, value, f"a whole number, {minimum} or more")
    return number


def share(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:  # nor NaN
        raise _bad(name, value, "a number from 0 to 1")
    return number


def pairs(name: str) -> dict[str, str]:
    """`KEY=VALUE,KEY=VALUE`, each key once; a key may hold an equals sign itself."""
    found: dict[str, str] = {}
    for item in items(name, ""):
        key, equals, value = (part.strip() for part in item.rpartition("="))
        if not (key and equals and value) or key in found:
            raise _bad(name, item, "pairs such as LABEL_0=Negative, each key once")
        found[key] = value
    return found


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise _bad(name, value, "one of " + ", ".join(allowed))
    return value


def items(name: str, default: str, check: Callable[[str], object] = str) -> list[str]:
    """A comma-separated list, each item of which `check` accepts without a ValueError."""
    values = [item.strip() for item in text(name, default).split(",") if item.strip()]
    for value in values:
        try:
            check(value)
        except ValueError as error:
            raise _bad(name, value, str(error)) from None
    return values


def address(name: str) -> str:
    """A full http or https address, or none."""
    value = text(name, "")
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise _bad(name, value, "a full http or https address")
    return value


def signing_secret(name: str, *, needed: bool) -> str:
    """A secret that others share, so it cannot be made here; errors do not show it."""
    value = text(name, "")
    if needed and len(value) < SHORTEST_SECRET:
        raise ImproperlyConfigured(f"{name} must have at least {SHORTEST_SECRET} characters.")
    return value


def origin(value: str) -> str:
    """`scheme://host[:port]` and nothing more."""
    parts = urlsplit(value)
    extra = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or extra:
        raise ValueError("full origins such as https://shop.example, separated by commas")
    return value


def database(name: str, default: str) -> dict:
    """Django's database dictionary from a URL, SQLite or PostgreSQL, tuned for many writers."""
    value = text(name, default)
    if value.startswith("sqlite:///"):
        return _sqlite(environ.Env.db_url_config(value))
    if value.startswith(("postgres://", "postgresql://")):
        config = environ.Env.db_url_config(value)
        # Under ASGI, persistent connections pile up one a thread; the backend's pool bounds them.
        return {**config, "CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 1, "max_size": 10}}}
    allowed = "sqlite:////path/to/file or postgres://user:password@host:port/name"
    raise _bad(name, value, allowed)


def secret_key(name: str, path: Path) -> str:
    """The key from the environment, or one generated once and kept in `path` (mode 0600)."""
    if value := text(name, ""):
        return value
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(get_random_secret_key())
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR: cannot write {path}: {error.strerror}.") from None
    if not (key := path.read_text().strip()):
        raise ImproperlyConfigured(f"{name}: {path} is empty; delete it to have one made.")
    return key


def _sqlite(config: dict) -> dict:
    # Only IMMEDIATE transactions wait for the timeout; DEFERRED ones fail at once on upgrade.
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;"
    name = config["NAME"]
    try:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {name}: {error.strerror}.") from None
    return {
        **config,
        # The thread of the sockets keeps its connection: opening one took a sixth of its time.
        # Those of requests go with their threads.
        "CONN_MAX_AGE": 60,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas},
        # A file, since threads of an async test cannot share a database in memory; one a test run.
        "TEST": {"NAME": f"{name}.test-{os.getpid()}"},
    }


def _bad(name: str, value: str, allowed: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {allowed}, not {value!r}.")
