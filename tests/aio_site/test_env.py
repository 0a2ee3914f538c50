"""Typed readers of the environment: what is allowed passes, the rest names the variable."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from aio_site import env


@pytest.mark.parametrize(
    ("value", "flag"), [("on", True), ("TRUE", True), ("0", False), ("", True)]
)
def test_flags_are_read_in_the_usual_words(monkeypatch, value, flag):
    monkeypatch.setenv("SWITCH", value)
    assert env.flag("SWITCH", True) is flag


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.flag("X", True), "perhaps"),
        (lambda: env.integer("X", 1), "1.5"),
        (lambda: env.integer("X", 1, minimum=1), "0"),
        (lambda: env.choice("X", "a", ("a", "b")), "c"),
        (lambda: env.share("X", 0.5), "1.1"),
        (lambda: env.share("X", 0.5), "nan"),
        (lambda: env.share("X", 0.5), "half"),
        (lambda: env.pairs("X"), "LABEL_0"),
        (lambda: env.pairs("X"), "LABEL_0="),
        (lambda: env.pairs("X"), "a=b,a=c"),
        (lambda: env.items("X", "", env.origin), "https://shop.example/path"),
        (lambda: env.items("X", "", env.origin), "ftp://shop.example"),
        (lambda: env.address("X"), "hooks.example/desk"),
        (lambda: env.address("X"), "ftp://hooks.example"),
        (lambda: env.items("X", "", env.origin), "https://shop.example:99999"),
        (lambda: env.items("X", "", env.origin), "https://["),
        (lambda: env.address("X"), "http://["),
        (lambda: env.time_zone("X", "UTC"), "Mars/Base"),
        (lambda: env.time_zone("X", "UTC"), "../etc"),
        (lambda: env.log_level("X", "INFO"), "verbose"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_the_variable(monkeypatch, read, value):
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X must be .* not "):
        read()


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.database("X", ""), "mysql://user:s3cret@h/db"),
        (lambda: env.database("X", ""), "postgres://user:s3cret@h:abc/db"),
        (lambda: env.database("X", ""), "s3cret"),
        (lambda: env.store("X"), "http://user:s3cret@h"),
        (lambda: env.store("X"), "redis://:s3cret@h:abc"),
    ],
)
def test_an_address_that_may_hold_a_password_is_refused_without_being_shown(
    monkeypatch, read, value
):
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X must be ") as refused:
        read()
    assert "s3cret" not in str(refused.value)


def test_options_of_a_database_address_stay(monkeypatch):
    monkeypatch.setenv("X", "postgres://u:p@db/chat?sslmode=verify-full&sslrootcert=/ca.pem")
    options = env.database("X", "")["OPTIONS"]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/ca.pem")
    assert "pool" in options


def test_a_folder_may_have_any_name(tmp_path):
    path = tmp_path / "desk#1 50%20?" / "db.sqlite3"
    assert env.database("UNSET", env.sqlite_address(path))["NAME"] == str(path)


def test_pairs_are_read_in_their_order(monkeypatch):
    monkeypatch.setenv("X", "LABEL_0 = Negative, a=b=Neutral,")
    assert env.pairs("X") == {"LABEL_0": "Negative", "a=b": "Neutral"}
    assert env.pairs("UNSET") == {}


def test_a_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv("KEY", raising=False)
    path = tmp_path / "new" / "secret_key"
    first = env.secret_key("KEY", path)
    assert first == env.secret_key("KEY", path)
    assert len(first) >= 50
    assert path.stat().st_mode & 0o777 == 0o600


def test_postgresql_uses_a_pool_and_sqlite_waits_for_its_turn(tmp_path):
    assert "pool" in env.database("NONE", "postgres://u:p@localhost/db")["OPTIONS"]
    sqlite = env.database("NONE", f"sqlite:///{tmp_path}/db.sqlite3")
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_signing_secret_is_asked_for_where_it_is_needed_and_never_shown(monkeypatch):
    monkeypatch.setenv("SECRET", "too short")
    assert env.signing_secret("SECRET", needed=False) == "too short"
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET must have") as refused:
        env.signing_secret("SECRET", needed=True)
    assert "too short" not in str(refused.value)
