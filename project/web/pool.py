"""The pool of connections to PostgreSQL, after it was found that one of them is dead.

When the database was restarted, every connection that waits in the pool is as dead as the one that
a request has just met. To try each before it is used would cost a round trip a request; so they are
tried once, when one has failed, and the others are spared the 503.
"""

from contextlib import suppress
from threading import Lock, Thread
from typing import Any, cast

from django.db import DatabaseError, connection

looking = Lock()


def check_connections() -> None:
    """Have the waiting connections tried, and the dead ones replaced, while nobody waits for it."""
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
        return f"The database of DATABASE_URL, {name}, is not reached: {reason}"
    finally:
        direct.close()
    return str(error)


def _check_connections(pool: Any) -> None:
    try:
        with suppress(DatabaseError):
            pool.check()
    finally:
        looking.release()
