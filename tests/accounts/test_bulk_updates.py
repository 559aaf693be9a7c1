"""Bulk updates of users on PostgreSQL: two cannot block each other, and none undoes a change."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from django.db import connection, transaction

from accounts.models import User
from tests.conftest import HASHED
from tests.support.racing import queue, sign_in
from tokens.models import DeviceSession

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.trap(51),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has no simultaneous writers"
    ),
]


def update_in_order_of_the_keys(**values: object) -> int:
    """Update all users, and make PostgreSQL find the rows by the primary key."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        return User.objects.filter(pk__in=[UUID(int=n) for n in (1, 2, 3)]).update(**values)


def test_two_bulk_updates_cannot_block_each_other(db: None) -> None:
    """Guards the order in which UserQuerySet.lock locks the rows.

    A plan that reads the table from its beginning meets user 2 before user 1, the index user 1
    before user 2; and both wait for user 3 in between.
    """
    for number in (2, 3, 1):
        User.objects.create(pk=UUID(int=number), username=f"user-{number}", password=HASHED)
    with queue() as line_up:
        User._base_manager.select_for_update().get(pk=UUID(int=3))
        callers = [
            line_up(partial(User.objects.update, is_active=True)),
            line_up(partial(update_in_order_of_the_keys, is_active=True)),
        ]
    assert [caller.result(timeout=30) for caller in callers] == [3, 3]


CONDITIONAL: dict[str, Callable[[], int]] = {
    "a new password": lambda: User.objects.filter(password=HASHED).update(password="!"),
    "a deactivation": lambda: User.objects.filter(is_active=True).update(password="!"),
}


@pytest.mark.trap(64)
@pytest.mark.parametrize("update", CONDITIONAL.values(), ids=CONDITIONAL)
def test_a_conditional_update_keeps_a_committed_change(
    alice: User, update: Callable[[], int]
) -> None:
    """Guards the second query of UserQuerySet.lock, and the lock that it waits for."""
    sign_in(alice)
    with queue() as line_up:
        User._base_manager.update(password="the new one", is_active=False)
        late = line_up(update)
    assert late.result(timeout=30) == 0
    alice.refresh_from_db()
    assert alice.password == "the new one"
    assert DeviceSession.objects.get().revoked_at is None
