"""The connections to the database: each thread keeps its own, and checks it after an outage.

A restart of PostgreSQL breaks the connections of all threads. A check before each use would cost a
round trip per request. So each thread checks its connection after a request has failed in any
thread, and only that request is answered 503.
"""

import sqlite3
from threading import Lock, local
from typing import Any
from weakref import WeakSet

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from psycopg.pq import TransactionStatus
from redis.exceptions import RedisError

from accounts.errors import BrowserDataError

ANSWER_TIME = 60  # seconds; PostgreSQL cancels a statement of a request earlier
#: What drivers and stores raise in an outage. Redis or files can store the data of browsers.
OUTAGES = (OperationalError, InterfaceError, RedisError, BrowserDataError)
#: Codes of SQLite and of PostgreSQL: a database that refuses writes, and one that is damaged.
READ_ONLY = {sqlite3.SQLITE_READONLY, "25006"}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, "XX001", "XX002"}
#: A statement that is wrong or too complex. The request would fail again.
FAULTS = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, "54000", "54001", "54011", "54023"}

#: The connections that were opened in this process and whose threads have not ended.
opened: WeakSet[BaseDatabaseWrapper] = WeakSet()
lock = Lock()
#: Its attribute `connections` has those that were opened in this thread.
this_thread = local()


@receiver(connection_created)
def remember(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    with lock:
        opened.add(connection)
    others = [each for each in in_this_thread() if each is not connection and each.connection]
    this_thread.connections = [*others, connection]


def limit_waiting() -> None:
    """Let no thread of this process wait longer than ANSWER_TIME for an answer of PostgreSQL.

    A server that is stopped, or a pooler before it, can keep a connection open and say nothing.
    """
    connection_created.connect(limit_waiting_of)


def limit_waiting_of(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor != "postgresql":
        return
    opened_now: Any = connection.connection
    wait = opened_now.wait

    def wait_for_answer(generator: Any, *args: Any, **options: Any) -> Any:
        try:
            return wait(generator, *args, **{"timeout": ANSWER_TIME, **options})
        except psycopg.OperationalError:
            if opened_now.pgconn.transaction_status == TransactionStatus.ACTIVE:
                opened_now.close()  # The answer could still come, and belong to another statement.
            raise

    opened_now.wait = wait_for_answer


def in_this_thread() -> list[BaseDatabaseWrapper]:
    """Return the connections that were opened in this thread. Some may be closed again."""
    return getattr(this_thread, "connections", [])


def close_old_connections(**kwargs: Any) -> None:
    """Close the connections of this thread that are broken or older than CONN_MAX_AGE.

    Django's function does the same, but looks for the connections in every database of the
    settings, which takes four times as long. A test may run requests inside a transaction.
    """
    for each in in_this_thread():
        if not each.in_atomic_block:
            each.close_if_unusable_or_obsolete()


def open_connections() -> list[BaseDatabaseWrapper]:
    """Return the open connections of all threads of this process."""
    with lock:
        return [each for each in opened if each.connection is not None]


def check_connections() -> None:
    """Let each thread check its connection before the next request uses it.

    Django does so before every request, with a query, until the thread connects again.
    """
    for each in open_connections():
        vars(each)["health_check_enabled"] = True  # The stubs do not know it.


def is_outage(error: Exception) -> bool:
    """Return whether the database, Redis or the disk is the cause, and not the statement.

    SQLite and PostgreSQL raise errors of other classes for it, so their codes decide first.
    """
    code = code_of(error)
    if code in READ_ONLY | DAMAGED:
        return True
    return isinstance(error, OUTAGES) and code not in FAULTS


def refuses_writes(error: Exception) -> bool:
    """Return whether the database raised the error because it is read-only, as a standby is."""
    return code_of(error) in READ_ONLY


def code_of(error: Exception) -> int | str | None:
    """Return SQLite's primary result code or PostgreSQL's SQLSTATE, if the driver gave one."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return getattr(cause, "sqlstate", None)


def explain(error: DatabaseError) -> str:
    """Return the reason of the error as a sentence, which names the database but no password."""
    another = connection.copy()
    name, host, port = (another.settings_dict[key] for key in ("NAME", "HOST", "PORT"))
    place = f"{name} at {host}:{port}" if port else f"{name} at {host}" if host else name
    cause, problem = error, "reports an error"
    try:
        another.ensure_connection()
    except DatabaseError as refused:
        cause, problem = refused, "cannot be reached"
    finally:
        another.close()
    reason = " ".join(str(cause).split())
    return f"The database of DATABASE_URL, {place}, {problem}: {reason}"
