"""In the sandbox all callers that have looked win, and nothing of it remains."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from project.compare.demonstrations.race import race_in_sandbox
from project.compare.demonstrations.sandbox import BLACKLISTED, drop_forgotten, sandbox

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

Inserted = list[tuple[str, int]]


@contextmanager
def watched(before_insert: Callable[[str], object]) -> Iterator[Inserted]:
    """Yield the kind of each inserted row with the number of rows that the database reports.

    `before_insert` is called before each INSERT, with the kind of the row.
    """
    inserted: Inserted = []
    lock = Lock()

    def execute(run: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not sql.startswith("INSERT INTO latchkey_sandbox_"):
            return run(sql, params, many, context)
        before_insert(params[0])
        result = run(sql, params, many, context)
        with lock:
            inserted.append((params[0], context["cursor"].rowcount))
        return result

    def watch(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(execute)

    connection_created.connect(watch, weak=False)
    try:
        yield inserted
    finally:
        connection_created.disconnect(watch)
        connection.execute_wrappers.clear()


def tables() -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def test_all_callers_that_look_before_the_first_write_win() -> None:
    barrier = Barrier(12)
    with watched(lambda kind: kind == BLACKLISTED and barrier.wait(10)) as inserted:
        result = race_in_sandbox()
    assert len(inserted) == 24
    rows = sum(count for _, count in inserted)
    assert (result.successors, result.rows_written, result.rows_added) == (12, rows, rows)
    assert rows == 13  # one blacklisted token and twelve successors
    assert [caller.status for caller in result.callers] == [200] * 12
    assert all(caller.wrote for caller in result.callers)


def test_every_number_agrees_with_the_inserted_rows() -> None:
    """However many callers win by chance."""
    began = time.monotonic()
    with watched(lambda kind: None) as inserted:
        result = race_in_sandbox()
    total = (time.monotonic() - began) * 1000
    winners = [caller for caller in result.callers if caller.status == 200]
    successors = [count for kind, count in inserted if kind != BLACKLISTED]
    assert result.successors == len(winners) == sum(successors) >= 1
    assert result.rows_written == sum(count for _, count in inserted)
    for caller in result.callers:
        assert caller.looked is not None
        assert 0 <= caller.started <= caller.looked <= caller.ended <= total
        assert caller.wrote is (caller.status == 200)
        assert caller.generation is None


def test_a_caller_that_looks_after_the_write_is_refused() -> None:
    with sandbox() as place:
        database = place.connect()
        try:
            first, second = (place.rotate("a token", database) for _ in range(2))
        finally:
            database.close()
        assert place.count() == 2
    assert first.successor
    assert second.successor is None


def test_nothing_of_the_sandbox_remains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {*tables()}

    def fail() -> None:
        with sandbox() as place:
            assert place.count() == 0
            assert place.file.is_relative_to(tmp_path)
            assert place.file.exists() is (connection.vendor == "sqlite")
            assert (place.table in tables()) is (connection.vendor == "postgresql")
            raise ZeroDivisionError

    race_in_sandbox()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert {*tables()} == before
    assert [*tmp_path.iterdir()] == []


def test_only_forgotten_tables_are_dropped() -> None:
    now = int(time.time())
    forgotten = f"latchkey_sandbox_{now - 3700}_{'a' * 16}"
    kept = {f"latchkey_sandbox_{now - 3000}_{'a' * 16}", "latchkey_sandbox_1_x"}
    with connection.cursor() as cursor:
        for table in (forgotten, *kept):
            cursor.execute(f"CREATE TABLE {table} (kind text)")
        drop_forgotten(cursor)
        assert {table for table in tables() if "sandbox" in table} == kept
        for table in kept:
            cursor.execute(f"DROP TABLE {table}")
