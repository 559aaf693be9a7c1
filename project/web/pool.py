"""Check the pool of connections to PostgreSQL after one of them has failed.

A restart of the database breaks all connections in the pool. A check before each use would cost a
round trip per request. So all connections are checked once, after a request has failed with one,
and only that request is answered 503.
"""

from contextlib import suppress
from threading import Lock, Thread
from typing import Any, cast

from django.db import DatabaseError, connection

looking = Lock()


def check_connections() -> None:
    """Test the idle connections and replace the broken ones, in another thread."""
    pool = getattr(connection, "pool", None)
    if pool is not None and looking.acquire(blocking=False):
        Thread(target=_check_connections, args=(cast("Any", pool),), daemon=True).start()


def explain(error: DatabaseError) -> str:
    """Return the reason of the error as a sentence, which names the database but not the password.

    An error of the pool says only how long it waited. So close the pool and connect once without
    it; if that fails too, return the reason of this second failure.
    """
    if getattr(connection, "pool", None) is not None:
        cast("Any", connection).close_pool()  # the stubs know no pool
    direct = connection.copy()
    direct.settings_dict["OPTIONS"].pop("pool", None)
    try:
        direct.ensure_connection()
    except DatabaseError as cause:
        place = "{NAME} at {HOST}:{PORT}" if direct.settings_dict["HOST"] else "{NAME}"
        name, reason = place.format(**direct.settings_dict), " ".join(str(cause).split())
        return f"The database of DATABASE_URL, {name}, cannot be reached: {reason}"
    finally:
        direct.close()
    return str(error)


def _check_connections(pool: Any) -> None:
    try:
        with suppress(DatabaseError):
            pool.check()
    finally:
        looking.release()
