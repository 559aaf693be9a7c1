"""The URL of the database."""

import json

import pytest

from tests.project.env.reading import SHOW, Run, read

NO_DATABASES = [
    *("postgres://u:pass1word/x@h/name", "mysql://u:pass1word@h/name", "foo://u:pass1word@h/name"),
    *("postgres//u:pass1word@h/name", "postgres:/u:pass1word@h/name", "u:pass1word@h/name"),
    *("postgres://u:pass1word@h", "postgres://u:pass1word@h/", "postgres://u:pass1word@h/?a=b"),
    *("sqlite://u:pass1word@h/name", "://u:pass1word@h/name", "pass1word"),
]


@pytest.mark.parametrize("url", NO_DATABASES)
def test_an_invalid_database_url_is_reported_without_password(run: Run, url: str) -> None:
    stopped = run("import project.settings", DATABASE_URL=url)
    assert "ImproperlyConfigured: DATABASE_URL must be" in stopped.stderr.splitlines()[-1]
    assert "pass1word" not in stopped.stderr


@pytest.mark.trap(29)
def test_sqlite_waits_for_locks_and_syncs_to_disk(run: Run) -> None:
    database = read(run, DATABASE_URL="sqlite:////tmp/x.sqlite3")["DATABASES"]["default"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]
    assert database["OPTIONS"]["timeout"] >= 5


@pytest.mark.parametrize(
    "url", ["sqlite:////tmp/x.sqlite3", "postgres://latchkey@db.example.org/x"]
)
def test_a_thread_keeps_its_connection_and_does_not_check_it(run: Run, url: str) -> None:
    database = read(run, DATABASE_URL=url)["DATABASES"]["default"]
    assert database["CONN_MAX_AGE"] != 0
    assert not database.get("CONN_HEALTH_CHECKS")


def test_the_tls_options_of_the_database_url_are_kept(run: Run) -> None:
    url = "postgres://latchkey@db.example.org/latchkey?sslmode=verify-full"
    database = read(run, DATABASE_URL=url)["DATABASES"]["default"]
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert database["OPTIONS"]["connect_timeout"] == 5


def test_a_service_of_postgresql_can_name_the_database(run: Run) -> None:
    database = read(run, DATABASE_URL="postgres:///?service=latchkey")["DATABASES"]["default"]
    assert database["OPTIONS"]["service"] == "latchkey"


def test_an_empty_database_url_means_sqlite(run: Run) -> None:
    shown = run(SHOW, DATABASE_URL="")
    assert (shown.returncode, shown.stderr) == (0, "")
    database = json.loads(shown.stdout)["DATABASES"]["default"]
    assert database["NAME"].endswith("var/latchkey.sqlite3")
