"""Empty the database quickly after a test that commits.

Django truncates every table, and then creates the content types and permissions again. It takes a
fraction of that time to delete the few rows that a test left, and to keep the migrations' rows.
"""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

#: Tables whose rows the migrations created. A test may change them only if it rolls back.
MIGRATED = {"auth_permission", "django_content_type", "django_migrations"}


def count_migrated() -> tuple[int, ...]:
    """Return the number of rows in each table of MIGRATED."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM auth_permission),"
            " (SELECT count(*) FROM django_content_type),"
            " (SELECT count(*) FROM django_migrations)"
        )
        counted: tuple[int, ...] = cursor.fetchone()
        return counted


def empty(tables: list[str]) -> None:
    """Delete all rows, in any order, because foreign keys are checked at the commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Create the test database as pytest-django does, and replace Django's flush."""
    with django_db_blocker.unblock():
        tables = connection.introspection.django_table_names(only_existing=True)
        migrated = count_migrated()
    others = sorted({*tables} - MIGRATED)

    def flush(case: TransactionTestCase) -> None:
        empty(others)
        assert count_migrated() == migrated, f"The test left rows in one of {MIGRATED}."

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush)
        yield
