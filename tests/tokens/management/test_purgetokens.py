"""`purgetokens` deletes only rows whose tokens have all expired, in small slices."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.support.racing import queue, race, refresh, sign_in
from tests.tokens.oauth.conftest import OAuth, Service
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.revocation.blacklist import blacklist
from tokens.sessions.purge import expired_rows, purge_cutoff

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def purge(*words: str) -> str:
    """Run the command and return its output about sessions."""
    printed = StringIO()
    call_command("purgetokens", *words, stdout=printed)
    (line,) = re.findall(r"^device sessions: .*\n", printed.getvalue(), re.MULTILINE)
    return str(line)


@pytest.mark.trap(27)
def test_a_blacklisted_token_is_kept_until_it_expires(api: API, alice: User, clock: Clock) -> None:
    blacklist(api.login(alice)["access"], Reason.ADMIN)
    clock.forward(hours=24)
    purge()
    assert BlacklistedToken.objects.count() == 1
    clock.forward(minutes=6)
    purge()
    assert BlacklistedToken.objects.count() == 0


def test_a_secret_is_kept_because_its_account_can_get_a_later_expiry(
    oauth: OAuth, service: Service, clock: Clock
) -> None:
    service.account.expires_at = timezone.now() + DAY
    service.account.save()
    clock.forward(days=60)
    purge()
    service.account.expires_at = timezone.now() + DAY
    service.account.save()
    oauth.issued(service, grant_type="client_credentials")


def fill(user: User, count: int, *, idle: timedelta, absolute: timedelta) -> None:
    """Add sessions that expire after this time."""
    now = timezone.now()
    DeviceSession.objects.bulk_create(
        [
            DeviceSession(
                user=user,
                sid=uuid4(),
                secret_hash=b"h" * 32,
                nonce=b"n" * 16,
                credential_tag=b"t" * 32,
                created_at=now,
                rotated_at=now,
                idle_expires_at=now + idle,
                expires_at=now + absolute,
                auth_time=now,
            )
            for _ in range(count)
        ],
        batch_size=1000,
    )


def test_active_sessions_are_kept(api: API, alice: User) -> None:
    phone = api.login(alice)
    assert purge() == "device sessions: 0 deleted\n"
    api.rotated(phone["refresh"])


@pytest.mark.trap(27)
@pytest.mark.parametrize("ended", [False, True], ids=["expired", "revoked before"])
@pytest.mark.parametrize("dies", ["by idleness", "for good"])
def test_a_session_is_kept_for_leeway_and_retry_window(
    api: API, alice: User, clock: Clock, dies: str, *, ended: bool
) -> None:
    phone = api.login(alice)
    if dies == "for good":
        DeviceSession.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    if ended:
        DeviceSession.objects.all().revoke(Reason.ADMIN)
    ends_at = row(phone).ends_at
    clock.forward(seconds=(ends_at - timezone.now() + DAY).total_seconds() + 9)
    assert purge() == "device sessions: 0 deleted\n"
    clock.forward(seconds=2)
    assert purge() == "device sessions: 1 deleted\n"
    assert not DeviceSession.objects.exists()
    assert api.refresh(phone["refresh"]).status_code == 401


@pytest.mark.trap(27)
def test_a_purge_makes_no_token_valid_again(api: API, alice: User, clock: Clock) -> None:
    """A token that was refused before a purge is refused after it, at every hour."""
    phone = api.login(alice)
    spent = phone["refresh"]
    phone = api.rotated(api.rotated(spent)["refresh"])
    api.post("logout/", {"refresh": phone["refresh"]})
    for _ in range(17):
        purge()
        for token in (spent, phone["refresh"]):
            assert api.refresh(token).status_code == 401
        assert api.post("verify/", {"token": phone["access"]}).status_code == 401
        clock.forward(days=1)
    assert not DeviceSession.objects.exists()


def test_reuse_is_detected_until_the_token_expires(api: API, alice: User, clock: Clock) -> None:
    phone = api.login(alice)
    laptop = api.login(alice)
    clock.forward(days=10)
    phone_next = api.rotated(phone["refresh"])
    clock.forward(days=3, hours=23)
    purge()
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone_next).revoked_reason == "reuse"
    assert row(laptop).revoked_reason == ""


@pytest.mark.slow
@pytest.mark.trap(26)
def test_twenty_thousand_rows_are_deleted_in_slices(alice: User) -> None:
    fill(alice, 10_000, idle=-2 * DAY, absolute=-2 * DAY)
    fill(alice, 10_000, idle=-2 * DAY, absolute=DAY)
    fill(alice, 500, idle=DAY, absolute=2 * DAY)
    started = time.monotonic()
    with CaptureQueriesContext(connection) as captured:
        assert purge() == "device sessions: 20000 deleted\n"
    assert time.monotonic() - started < 30
    statements = [re.sub(r"\W", " ", query["sql"]).split()[0] for query in captured]
    assert statements.count("DELETE") == 20
    assert statements.count("SELECT") <= 38  # one of them reads the signing keys
    assert statements.count("COMMIT") == statements.count("BEGIN") == 25
    assert DeviceSession.objects.count() == 500


@pytest.mark.parametrize("size", ["1", "3", "10000"])
def test_every_slice_size_deletes_the_same_rows(alice: User, size: str) -> None:
    fill(alice, 4, idle=-2 * DAY, absolute=-2 * DAY)
    fill(alice, 1, idle=DAY, absolute=DAY)
    fill(alice, 3, idle=-2 * DAY, absolute=DAY)
    assert purge("--slice", size) == "device sessions: 7 deleted\n"
    assert DeviceSession.objects.count() == 1


@pytest.mark.parametrize("size", ["0", "-1", "10001", "many", "1.5"])
def test_an_invalid_slice_size_is_refused(db: None, size: str) -> None:
    with pytest.raises(CommandError, match="a slice has 1 to 10000 rows"):
        purge(f"--slice={size}")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal(alice: User) -> None:
    fill(alice, 5, idle=-2 * DAY, absolute=-2 * DAY)
    terminal = Terminal()
    call_command("purgetokens", "--slice=2", stdout=terminal)
    shown = terminal.getvalue()
    assert [int(count) for count in re.findall(r"\r(\d+) rows deleted", shown)] == [
        2,
        4,
        5,
        5,
        5,
        5,
    ]
    assert "\ndevice sessions: 5 deleted\n" in shown


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a plan of PostgreSQL")
def test_postgresql_finds_expired_rows_by_the_index(alice: User) -> None:
    fill(alice, 15_000, idle=DAY, absolute=DAY)
    fill(alice, 5_000, idle=-2 * DAY, absolute=-2 * DAY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tokens_devicesession")
    rows, *_ = expired_rows(purge_cutoff())
    with transaction.atomic():
        found = rows.order_by("expires_at").select_for_update(skip_locked=True)
        plan = found.values_list("pk", flat=True)[:1000].explain()
    assert "Index Scan using tokens_session_expires" in plan
    assert "Sort" not in plan
    walked = DeviceSession.objects.order_by("pk").filter(pk__gt=1)
    plan = walked.values_list("pk", "idle_expires_at")[:1000].explain()
    assert "Index Scan using tokens_devicesession_pkey" in plan


@pytest.mark.trap(26)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no rows")
def test_a_purge_waits_for_no_lock(alice: User) -> None:
    """Guards skip_locked: a purge that waits for locks could cause a deadlock."""
    fill(alice, 3, idle=-2 * DAY, absolute=-2 * DAY)
    with queue():
        DeviceSession.objects.filter(pk=DeviceSession.objects.earliest("pk").pk).update(device="x")
        with ThreadPoolExecutor(1) as pool:
            assert (
                pool.submit(_purge_elsewhere).result(timeout=10) == "device sessions: 2 deleted\n"
            )
    assert DeviceSession.objects.get().device == "x"
    assert purge() == "device sessions: 1 deleted\n"


def _purge_elsewhere() -> str:
    """Purge on another connection, and fail instead of waiting long for a lock."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
            return purge()
    finally:
        connection.close()


def test_a_session_used_during_a_purge_is_kept(alice: User) -> None:
    """Guards that the statement that locks the rows checks `idle_expires_at` again."""
    fill(alice, 2, idle=-2 * DAY, absolute=DAY)
    used = DeviceSession.objects.earliest("pk")

    def use_during_purge(execute: Any, sql: str, *args: Any) -> Any:
        if " IN (" in sql:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE tokens_devicesession SET idle_expires_at = expires_at WHERE id = %s",
                    [used.pk],
                )
        return execute(sql, *args)

    with connection.execute_wrapper(use_during_purge):
        assert purge() == "device sessions: 1 deleted\n"
    assert DeviceSession.objects.get() == used


def test_a_purge_while_sessions_are_refreshed_loses_none(alice: User) -> None:
    fill(alice, 400, idle=-2 * DAY, absolute=-2 * DAY)
    fill(alice, 400, idle=-2 * DAY, absolute=DAY)
    devices = [sign_in(alice) for _ in range(4)]

    def refresher(number: int) -> Iterator[int]:
        last = devices[number]
        for _ in range(25):
            last = refresh(last.refresh)
            yield last.status

    callers = [lambda number=number: [*refresher(number)] for number in range(4)]
    *answers, purged = race(*callers, lambda: purge("--slice=20"))
    assert [set(statuses) for statuses in answers] == [{200}] * 4
    assert purged == "device sessions: 800 deleted\n"
    active = DeviceSession.objects.all().active()
    assert {str(session.sid) for session in active} == {device.session for device in devices}
    assert {session.generation for session in active} == {26}
    assert DeviceSession.objects.count() == 4
