"""Databases of our own: made for a run, and dropped after it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


def postgresql_url() -> str:
    """Return the address of the PostgreSQL server to measure on, or an empty string."""
    for name in ("BENCH_DATABASE_URL", "TEST_DATABASE_URL"):
        url = os.environ.get(name, "")
        if url.startswith(("postgres://", "postgresql://")):
            return url
    return ""


def why_not_postgresql() -> str:
    """Return why PostgreSQL cannot be measured on, or an empty string if it can."""
    if not (url := postgresql_url()):
        return "neither BENCH_DATABASE_URL nor TEST_DATABASE_URL names it"
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        return str(error).splitlines()[0]
    return ""


@contextmanager
def databases(engine: str, names: list[str], state: Path) -> Iterator[list[str]]:
    """Make an empty database for each name, and give their DATABASE_URLs."""
    if engine == "SQLite":
        yield [f"sqlite:///{state / name}.sqlite3" for name in names]
        return
    with ExitStack() as stack:
        yield [stack.enter_context(_postgresql(f"bench_{name}_{os.getpid()}")) for name in names]


@contextmanager
def _postgresql(name: str) -> Iterator[str]:
    url = postgresql_url()
    with closing(psycopg.connect(url, autocommit=True, connect_timeout=5)) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            server.execute(drop.format(sql.Identifier(name)))
