"""Whatever the run of the tests logged, printed or stored holds no secret that a test handled.

Every request that a test makes is watched for tokens, passwords and keys, on the way in and out.
Every line that is logged or printed, and every table as a test leaves it, is searched for them.
"""

import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.client import FakePayload

from project.web.logs import configuration

JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
JTI = re.compile(r'"jti": ?"([^"]{16,})"')
WORD = re.compile(r"[\w-]{16,}")
#: A passphrase of the tests has blanks; a single word could be found anywhere, and mean nothing.
PHRASE = re.compile(r"\w+( \w+){2,}")
JSON_PASSWORD = re.compile(r'"[a-z_]*password[0-9]?": ?"((?:[^"\\]){8,200})"')
FORM_PASSWORD = re.compile(r'name="[a-z_]*password[0-9]?"\r\n\r\n(.{8,200})\r\n')
#: Where a secret belongs: a table's columns, each with why.
ALLOWED = {("tokens_blacklistedtoken", "jti")}  # this is what a blacklist is


class Leaks:
    """The secrets that were handled, what was written, and where the two met."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}  # what it is, by the secret
        self.phrases: dict[str, str] = {}
        self.seen: dict[str, str] = {}  # where it was first written, by the word
        self.texts: dict[str, str] = {}  # the same, by the text: each kind of line once
        self.tables: dict[str, list[tuple[Any, ...]]] = {}  # the rows that were searched last

    def handled(self, text: str) -> None:
        """Note the tokens in a text that came or went."""
        for token in JWT.findall(text):
            _, claims, signature = token.split(".")
            self.words[claims] = "the claims of a token"
            self.words[signature] = "the signature of a token"
            for jti in JTI.findall(decoded(claims)):
                self.words[jti] = "the jti of a token"

    def kept_secret(self, what: str, secret: str) -> None:
        """Note a password or key."""
        if WORD.fullmatch(secret):
            self.words[secret] = what
        elif len(secret) >= 8:
            self.phrases[secret] = what

    def written(self, where: str, text: str) -> None:
        """Note what was logged, printed or stored."""
        for word in WORD.findall(text):
            self.seen.setdefault(word, where)
        if " " in text:
            self.texts.setdefault(text, where)

    def found(self) -> list[str]:
        """Return what leaked and where, without the secrets themselves."""
        words = [f"{self.words[word]}, {self.seen[word]}" for word in self.words & self.seen.keys()]
        phrases = [
            f"{what}, {where}"
            for text, where in self.texts.items()
            for secret, what in self.phrases.items()
            if secret in text
        ]
        return sorted({*words, *phrases})


def decoded(part: str) -> str:
    """Return what is in a part of a token, or nothing if it is broken."""
    with suppress(ValueError):
        return urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
    return ""


class Watch(logging.Handler):
    """Notes every line as the site's own handler writes it."""

    def __init__(self, leaks: Leaks) -> None:
        super().__init__()
        self.leaks = leaks
        config = configuration("json", "INFO")["formatters"]["line"]
        self.setFormatter(config.pop("()")(**config))

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks.written(f"in a line of {record.name}", self.format(record))


LEAKS = Leaks()  # of this run
ask = Client.request


def ask_watched(client: Client, **request: Any) -> Any:
    """Do what Django's client does, and note what is secret in the request and its answer."""
    for name, value in request.items():
        if name == "HTTP_IDEMPOTENCY_KEY":
            LEAKS.kept_secret("an Idempotency-Key", value)
        elif name.startswith("HTTP_"):
            LEAKS.handled(str(value))
    payload = request.get("wsgi.input")
    if isinstance(payload, FakePayload):
        content = payload.read()
        request["wsgi.input"] = FakePayload(content)  # It can be read once only.
        text = content.decode("utf-8", "replace")
        LEAKS.handled(text)
        for password in (*JSON_PASSWORD.findall(text), *FORM_PASSWORD.findall(text)):
            if PHRASE.fullmatch(password):
                LEAKS.kept_secret("a password", password)
    answer = ask(client, **request)
    for name, cookie in answer.cookies.items():
        LEAKS.handled(cookie.value)
        if name == settings.SESSION_COOKIE_NAME:
            LEAKS.kept_secret("the key of a browser's cookie", cookie.value)
    if not answer.streaming:
        LEAKS.handled(answer.content.decode("utf-8", "replace"))
    return answer


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what the test printed."""
    printed = f"{report.capstdout}\n{report.capstderr}"
    for line in printed.splitlines():
        LEAKS.written(f"printed by {report.nodeid}", line)


@pytest.fixture(scope="session", autouse=True)
def no_secret_leaks() -> Iterator[None]:
    """Fail the run if anything that a test handled was logged, printed or stored."""
    LEAKS.kept_secret("the secret key", settings.SECRET_KEY)
    watch = Watch(LEAKS)
    logging.getLogger().addHandler(watch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", ask_watched)
        yield
    logging.getLogger().removeHandler(watch)
    assert LEAKS.found() == []


@pytest.fixture(autouse=True)
def tables_are_searched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Search every table as the test leaves it."""
    names = {"db", "transactional_db", "_django_db_helper"} & {*request.fixturenames}
    if not (names or request.node.get_closest_marker("django_db")):
        yield
        return
    request.getfixturevalue("_django_db_helper")  # so that this ends before the tables are emptied
    yield
    if not connection.needs_rollback:
        search_tables(LEAKS)


def search_tables(leaks: Leaks) -> None:
    """Note every text and every bytes of every table, unless the table is as after another test."""
    with connection.cursor() as cursor:
        for table in tables_with_rows():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            if leaks.tables.get(table) == rows:
                continue
            leaks.tables[table] = rows
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if (table, column) not in ALLOWED:
                        leaks.written(f"in {table}.{column}", as_text(value))


def tables_with_rows() -> list[str]:
    """Return the tables that are not empty, with one query."""
    with connection.cursor() as cursor:
        cursor.execute(existence(connection.vendor))
        return [table for (table,) in cursor.fetchall()]


@cache
def existence(vendor: str) -> str:
    """Return the query for the names of the tables that have rows."""
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})"  # noqa: S608
        for table in connection.introspection.table_names()
    )


def as_text(value: object) -> str:
    """Return text and bytes as text; of anything else nothing."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return value if isinstance(value, str) else ""
