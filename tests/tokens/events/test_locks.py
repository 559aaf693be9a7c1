"""Writing an event waits for no user, so that it cannot deadlock with a change of the user."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.signals import user_login_failed
from django.db import connection, transaction

from accounts.models import User
from tests.tokens.events.conftest import kinds
from tokens.models import DeviceSession, Event, EventKind, Reason
from tokens.sessions.lifecycle import Device, open_session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no rows"),
]


def sign_out() -> int:
    try:
        return len(DeviceSession.objects.all().revoke(Reason.LOGOUT))
    finally:
        connection.close()


def fail() -> int:
    try:
        user_login_failed.send("test", credentials={"username": "alice"}, request=None)
        return 1
    finally:
        connection.close()


@pytest.mark.parametrize("act", [sign_out, fail])
def test_an_event_does_not_wait_for_a_locked_user(alice: User, act: Callable[[], int]) -> None:
    """Guards db_constraint=False. With a constraint, the event waits for the user.

    A deletion locks the user and then the sessions; a sign-out locks its session before it writes
    the event. Both would wait for each other.
    """
    open_session(alice, Device(label="phone"))
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        User.objects.select_for_update().get()
        done = pool.submit(act)
        try:
            assert done.result(timeout=5) == 1
        finally:
            transaction.set_rollback(True)  # A waiting caller could continue.
    assert kinds()[-1] in {EventKind.SESSION_ENDED, EventKind.SIGN_IN_FAILED}


def test_a_sign_out_during_a_deletion_leaves_no_name(alice: User) -> None:
    """Guards the order: sessions are revoked, and wait for others, before events are erased."""
    open_session(alice, Device(label="phone"))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert DeviceSession.objects.all().revoke(Reason.LOGOUT)
            deletion = pool.submit(delete, alice)
            assert not deletion.done()
        deletion.result(timeout=10)
    assert not Event.objects.exclude(user=None).exists()
    assert kinds()[-1] == EventKind.DELETED


def test_a_failure_during_a_deletion_leaves_no_name(alice: User) -> None:
    """Guards the second erasure: the caller still finds the user, after the first one."""
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        alice.delete()
        assert pool.submit(fail).result(timeout=10) == 1
        assert not Event.objects.filter(kind=EventKind.SIGN_IN_FAILED, user=None).exists()
    assert Event.objects.get(kind=EventKind.SIGN_IN_FAILED).user_id is None


def delete(user: User) -> None:
    try:
        user.delete()
    finally:
        connection.close()
