"""Fail the run if it logged, printed or stored a secret that a test used.

The secrets are the tokens, passwords and keys in the requests and responses of Django's test
client, and the generated secrets of service accounts. Every logged or printed line is searched for
them, and every table after each test.
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

from project.web.logs import Formatter
from tokens.service_accounts import secrets

JWT = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}")
JTI = re.compile(r'"jti": ?"([^"]{16,})"')
SERVICE_SECRET = re.compile(r"(latchkey_)([0-9A-Za-z]{38})")
WORD = re.compile(r"[\w-]{16,}")
#: A password of the tests has several words, because a single word also appears in other text.
PHRASE = re.compile(r"\w+( \w+){2,}")
JSON_PASSWORD = re.compile(r'"[a-z_]*password[0-9]?": ?"((?:[^"\\]){8,200})"')
FORM_PASSWORD = re.compile(r'name="[a-z_]*password[0-9]?"\r\n\r\n(.{8,200})\r\n')
#: Columns that may contain a secret, each with the reason.
ALLOWED = {("tokens_blacklistedtoken", "jti")}  # the blacklist consists of them


class Leaks:
    """The secrets that the tests used, the text that was written, and the secrets in that text."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}  # secret: description
        self.phrases: dict[str, str] = {}  # secret with blanks: description
        self.seen: dict[str, str] = {}  # word: the place where it was written first
        self.texts: dict[str, str] = {}  # text: the place where it was written first
        self.tables: dict[str, list[tuple[Any, ...]]] = {}  # table: the rows of the last search

    def add_tokens(self, text: str) -> None:
        """Record the tokens and service accounts' secrets in a request or response as secrets."""
        for token in JWT.findall(text):
            _, claims, signature = token.split(".")
            self.words[claims] = "the claims of a token"
            self.words[signature] = "the signature of a token"
            for jti in JTI.findall(decoded(claims)):
                self.words[jti] = "the jti of a token"
        for prefix, random in SERVICE_SECRET.findall(text):
            self.words[prefix + random] = "a secret of a service account"
            self.words[random] = "a secret of a service account, without its prefix"

    def add_secret(self, what: str, secret: str) -> None:
        """Record a password or key as a secret, with its description."""
        if WORD.fullmatch(secret):
            self.words[secret] = what
        elif len(secret) >= 8:
            self.phrases[secret] = what

    def add_text(self, where: str, text: str) -> None:
        """Record text that was logged, printed or stored."""
        for word in WORD.findall(text):
            self.seen.setdefault(word, where)
        if " " in text:
            self.texts.setdefault(text, where)

    def report(self) -> list[str]:
        """Return the description and place of each leaked secret, without the secret itself."""
        words = [f"{self.words[word]}, {self.seen[word]}" for word in self.words & self.seen.keys()]
        phrases = [
            f"{what}, {where}"
            for text, where in self.texts.items()
            for secret, what in self.phrases.items()
            if secret in text
        ]
        return sorted({*words, *phrases})


def decoded(part: str) -> str:
    """Decode a part of a token, or return "" if it is malformed."""
    with suppress(ValueError):
        return urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
    return ""


class Watch(logging.Handler):
    """Records every log line in the format of the site's own handler."""

    def __init__(self, leaks: Leaks) -> None:
        super().__init__()
        self.leaks = leaks
        self.setFormatter(Formatter("json"))

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks.add_text(f"in a line of {record.name}", self.format(record))


LEAKS = Leaks()  # of the whole run
request_unwatched = Client.request
generate_unwatched = secrets.generate


def generate_watched() -> str:
    """Return a new secret of a service account, and record it."""
    secret = generate_unwatched()
    LEAKS.add_tokens(secret)
    return secret


def request_watched(client: Client, **request: Any) -> Any:
    """Send the request with Django's client, and record the secrets in it and its response."""
    for name, value in request.items():
        if name == "HTTP_IDEMPOTENCY_KEY":
            LEAKS.add_secret("an Idempotency-Key", value)
        elif name.startswith("HTTP_"):
            LEAKS.add_tokens(str(value))
    payload = request.get("wsgi.input")
    if isinstance(payload, FakePayload):
        content = payload.read()
        request["wsgi.input"] = FakePayload(content)  # It can be read once only.
        text = content.decode("utf-8", "replace")
        LEAKS.add_tokens(text)
        for password in (*JSON_PASSWORD.findall(text), *FORM_PASSWORD.findall(text)):
            if PHRASE.fullmatch(password):
                LEAKS.add_secret("a password", password)
    answer = request_unwatched(client, **request)
    for name, cookie in answer.cookies.items():
        LEAKS.add_tokens(cookie.value)
        if name == settings.SESSION_COOKIE_NAME:
            LEAKS.add_secret("the key of a browser's cookie", cookie.value)
    if not answer.streaming:
        LEAKS.add_tokens(answer.content.decode("utf-8", "replace"))
    return answer


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record the output that the test printed."""
    printed = f"{report.capstdout}\n{report.capstderr}"
    for line in printed.splitlines():
        LEAKS.add_text(f"printed by {report.nodeid}", line)


@pytest.fixture(scope="session", autouse=True)
def no_secret_leaks() -> Iterator[None]:
    """Fail the run if a secret that a test used was logged, printed or stored."""
    LEAKS.add_secret("the secret key", settings.SECRET_KEY)
    watch = Watch(LEAKS)
    logging.getLogger().addHandler(watch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", request_watched)
        patch.setattr(secrets, "generate", generate_watched)
        yield
    logging.getLogger().removeHandler(watch)
    assert LEAKS.report() == []


@pytest.fixture(autouse=True)
def tables_are_searched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Search every table after the test, before its rows are deleted."""
    names = {"db", "transactional_db", "_django_db_helper"} & {*request.fixturenames}
    if not (names or request.node.get_closest_marker("django_db")):
        yield
        return
    request.getfixturevalue("_django_db_helper")  # so that this ends before the tables are emptied
    yield
    if not connection.needs_rollback:
        search_tables(LEAKS)


def search_tables(leaks: Leaks) -> None:
    """Record all text and bytes in every table that changed since its last search."""
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
                        leaks.add_text(f"in {table}.{column}", as_text(value))


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
    """Return text and bytes as text, and "" for other values."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return value if isinstance(value, str) else ""
