"""The fixtures of the demonstrations: the log lines and the writes of the calls."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.db import connection

# The site's application, which the demonstrations call. Importing it configures the logging anew,
# so it is imported before a test has added a handler.
import project.wsgi  # noqa: F401  (see above)
from accounts.models import User
from project.web import logs
from tokens.keys.keyring import keyring
from tokens.models import BlacklistedToken, DeviceSession, Event

#: Triggers that copy each new generation of a session into a table.
TRIGGERS = {
    "sqlite": """
        CREATE TRIGGER watch AFTER UPDATE OF generation ON tokens_devicesession
        BEGIN INSERT INTO watched VALUES (NEW.id, NEW.generation); END
        """,
    "postgresql": """
        CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO watched VALUES (NEW.id, NEW.generation); RETURN NULL; END $$;
        CREATE TRIGGER watch AFTER UPDATE OF generation ON tokens_devicesession
        FOR EACH ROW EXECUTE FUNCTION watch()
        """,
}
Writes = Callable[[], list[tuple[int, int]]]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def writes(transactional_db: None) -> Iterator[Writes]:
    """Return a function that returns the writes to sessions as a trigger has seen them.

    Each write is the id of the session and the generation that was written.
    """
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE watched (session bigint, generation bigint)")
        cursor.execute(TRIGGERS[connection.vendor])

    def read() -> list[tuple[int, int]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT session, generation FROM watched")
            return [*cursor.fetchall()]

    yield read
    with connection.cursor() as cursor:
        table = " ON tokens_devicesession" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER watch{table}")
        cursor.execute("DROP TABLE watched")
        if connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION watch")


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return a function that returns the log lines of the calls of refresh."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Formatter("json"))
    logging.getLogger().addHandler(handler)

    def read() -> list[dict[str, Any]]:
        written = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [line for line in written if line.get("route") == "/api/auth/refresh/"]

    yield read
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def signing_key(transactional_db: None) -> None:
    """Create the signing key, whose event remains."""
    keyring.current()


def counts() -> list[int]:
    """Return the numbers of rows that a demonstration must not change."""
    tables = (User, DeviceSession, Event, BlacklistedToken)
    return [table._base_manager.count() for table in tables]
