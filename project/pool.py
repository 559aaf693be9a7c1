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


def look_over() -> None:
    """Have the waiting connections tried, and the dead ones replaced, while nobody waits for it."""
    pool = getattr(connection, "pool", None)
    if pool is not None and looking.acquire(blocking=False):
        Thread(target=_look_over, args=(cast("Any", pool),), daemon=True).start()


def _look_over(pool: Any) -> None:
    try:
        with suppress(DatabaseError):
            pool.check()
    finally:
        looking.release()
