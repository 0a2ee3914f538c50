"""Typed readers of environment variables. A bad value raises with the variable's name."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

SHORTEST_SECRET = 16  # characters
DATABASES = "sqlite:////path/to/file or postgres://user:password@host:port/name"
STORES = "redis://host:port/db, rediss:// or unix://"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
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
    if value and _web(value) is None:
        raise _bad(name, value, "a full http or https address")
    return value


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ValueError, LookupError, OSError):  # a folder of zones is opened like a file
        raise _bad(name, value, "a time zone such as UTC or Europe/Berlin") from None
    return value


def log_level(name: str, default: str) -> str:
    value = text(name, default).upper()
    if value not in LEVELS:
        raise _bad(name, value, "one of " + ", ".join(LEVELS))
    return value


def store(name: str) -> str:
    """The address of a Redis, or none."""
    value = text(name, "")
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise _bad_secretly(name, STORES)
    try:
        _ = urlsplit(value).port
    except ValueError:
        raise _bad_secretly(name, STORES) from None
    return value


def signing_secret(name: str, *, needed: bool) -> str:
    """A secret that others share, so it cannot be made here; errors do not show it."""
    value = text(name, "")
    if needed and len(value) < SHORTEST_SECRET:
        raise ImproperlyConfigured(f"{name} must have at least {SHORTEST_SECRET} characters.")
    return value


def origin(value: str) -> str:
    """`scheme://host[:port]` and nothing more."""
    parts = _web(value)
    if parts is None or parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError("full origins such as https://shop.example, separated by commas")
    return value


def database(name: str, default: str) -> dict:
    """Django's database dictionary from a URL, SQLite or PostgreSQL, tuned for many writers.

    What stands behind a `?` becomes an option of the connection, such as `sslmode`. Errors do not
    show the address, which may hold a password.
    """
    value = text(name, default)
    tuned = {"sqlite:///": _sqlite, "postgres://": _postgresql, "postgresql://": _postgresql}
    tune = next((tune for start, tune in tuned.items() if value.startswith(start)), None)
    if tune is None:
        raise _bad_secretly(name, DATABASES)
    try:
        config = environ.Env.db_url_config(value)
    except ValueError:
        raise _bad_secretly(name, DATABASES) from None
    return tune(config)


def sqlite_address(path: Path) -> str:
    """The address of a database file; its name may hold what means something in an address."""
    return f"sqlite:///{quote(str(path))}"


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


def _web(value: str) -> SplitResult | None:
    """The parts of a http or https address with a host and no impossible port; else None."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _postgresql(config: dict) -> dict:
    # Under ASGI, persistent connections pile up one a thread; the backend's pool bounds them.
    options = {**config.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": 10}}
    return {**config, "CONN_MAX_AGE": 0, "OPTIONS": options}


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
        "OPTIONS": {
            **config.get("OPTIONS", {}),
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": pragmas,
        },
        # A file, since threads of an async test cannot share a database in memory; one a test run.
        "TEST": {"NAME": f"{name}.test-{os.getpid()}"},
    }


def _bad(name: str, value: str, allowed: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {allowed}, not {value!r}.")


def _bad_secretly(name: str, allowed: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {allowed}; its value may hold a password.")
