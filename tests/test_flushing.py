"""After a test that commits, the database has only the rows that the migrations created."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase

from accounts.models import User
from tests.support.flushing import MIGRATED
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db(transaction=True)


def counts() -> dict[str, int]:
    """Return the number of rows in each table."""
    counted = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            counted[table] = cursor.fetchone()[0]
    return counted


def flush() -> None:
    """Empty the database in the same way as after every test that commits."""
    TransactionTestCase()._fixture_teardown()  # type: ignore[attr-defined]  # private


def test_committed_rows_are_deleted_and_migrated_rows_stay(alice: User) -> None:
    before = counts()
    assert open_session(alice, Device()) is not None
    alice.user_permissions.set(Permission.objects.all())
    assert {table for table, count in counts().items() if count} > {*MIGRATED, "accounts_user"}
    flush()
    assert counts() == {table: before[table] if table in MIGRATED else 0 for table in before}
    assert not User.objects.exists()


def test_a_test_that_commits_a_permission_fails() -> None:
    permission = Permission.objects.create(
        codename="fly", name="Can fly", content_type=ContentType.objects.get_for_model(User)
    )
    with pytest.raises(AssertionError, match="auth_permission"):
        flush()
    permission.delete()
