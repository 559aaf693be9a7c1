"""The promises of refresh: each line of the table in tokens/sessions/rotation.py."""

from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from tests.conftest import API, Clock, Listen, row
from tests.tokens.sessions.revocations import is_revoked
from tokens import signals
from tokens.jwt.claims import RefreshToken
from tokens.models import DeviceSession
from tokens.sessions.rotation import rotate

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a secret of the phone, 1"
OTHER_KEY = "a secret of a thief, 22"


@pytest.mark.spec("RFC 9700", "2.2.2", "4.14.2")
def test_the_current_token_gets_its_successor(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    third = api.rotated(second["refresh"])
    assert len({pair["refresh"] for pair in (first, second, third)}) == 3
    assert [pair["generation"] for pair in (first, second, third)] == [1, 2, 3]
    assert {pair["session"] for pair in (first, second, third)} == {first["session"]}
    assert row(first).generation == 3


def test_a_refresh_adds_no_row(api: API, alice: User) -> None:
    pair = api.login(alice)
    for _ in range(5):
        pair = api.rotated(pair["refresh"])
    assert DeviceSession.objects.count() == 1


# Another lineage than the row's: the database was restored from a backup


def restore(pair: dict[str, Any], backup: dict[str, Any]) -> None:
    DeviceSession.objects.filter(sid=pair["session"]).update(**backup)


def backup_of(pair: dict[str, Any]) -> dict[str, Any]:
    return {**DeviceSession.objects.filter(sid=pair["session"]).values().get()}


def test_a_token_ahead_of_its_row_is_refused_without_revoking(
    api: API, alice: User, heard: Listen
) -> None:
    reports = heard(signals.refresh_token_out_of_step)
    first = api.login(alice)
    backup = backup_of(first)
    second = api.rotated(first["refresh"])
    restore(first, backup)
    assert api.refresh(second["refresh"]).status_code == 401
    assert row(first).revoked_at is None
    assert [report["generation"] for report in reports] == [2]


@pytest.mark.parametrize("steps", [0, 1], ids=["of the current generation", "of the one before"])
def test_a_token_of_another_lineage_is_refused_without_revoking(
    api: API, alice: User, heard: Listen, clock: Clock, steps: int
) -> None:
    reports = heard(signals.refresh_token_out_of_step)
    first = api.login(alice)
    backup = backup_of(first)
    lost = api.rotated(first["refresh"])
    restore(first, backup)
    clock.forward(seconds=1)
    present = api.rotated(first["refresh"])
    for _ in range(steps):
        present = api.rotated(present["refresh"])
    assert api.refresh(lost["refresh"]).status_code == 401
    assert len(reports) == 1
    assert api.rotated(present["refresh"])["generation"] == 3 + steps


# Signals


@pytest.mark.trap(11)
def test_reuse_is_reported_once_with_its_details(api: API, alice: User, heard: Listen) -> None:
    reused, ended = heard(signals.refresh_token_reused), heard(signals.session_ended)
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    api.rotated(second["refresh"])
    for _ in range(3):
        api.refresh(first["refresh"])
    assert [(call["generation"], call["ip_address"]) for call in reused] == [(1, "127.0.0.1")]
    assert [call["session"].revoked_reason for call in ended] == ["reuse"]


def test_a_reuse_that_cannot_be_reported_revokes_nothing(api: API, alice: User) -> None:
    """Guards the transaction that contains the revocation and its events."""
    first = api.login(alice)
    api.rotated(api.rotated(first["refresh"])["refresh"])

    def fail(**kwargs: Any) -> None:
        raise InterruptedError

    signals.refresh_token_reused.in_transaction.connect(fail)
    try:
        with pytest.raises(InterruptedError):
            rotate(RefreshToken(first["refresh"]))
    finally:
        signals.refresh_token_reused.in_transaction.disconnect(fail)
    assert row(first).revoked_at is None


def test_a_rotation_is_reported_once_and_its_retry_is_not(
    api: API, alice: User, heard: Listen
) -> None:
    rotated = heard(signals.refresh_token_rotated)
    first = api.login(alice)
    for _ in range(2):
        api.rotated(first["refresh"])
    assert [call["session"] for call in rotated] == [row(first)]


def test_every_retry_is_reported_with_both_addresses(api: API, alice: User, heard: Listen) -> None:
    told = heard(signals.refresh_token_sent_again)
    first = api.login(alice)
    api.rotated(first["refresh"])
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    api.rotated(first["refresh"])
    assert [(call["session"].rotated_from, call["ip_address"]) for call in told] == [
        ("127.0.0.1", "192.0.2.7")
    ]


@pytest.mark.trap(54)
def test_the_list_does_not_reveal_a_rotation(api: API, alice: User) -> None:
    """Otherwise a thief with an access token could wait for the owner's refresh."""
    first = api.login(alice)
    before = api.get("sessions/", bearer=first["access"]).json()
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    api.rotated(first["refresh"])
    assert row(first).rotated_from == "192.0.2.7"
    assert api.get("sessions/", bearer=first["access"]).json() == before


@pytest.mark.trap(7)
def test_rotating_inside_a_transaction_is_refused(api: API, alice: User) -> None:
    """A refusal would roll back its own revocation."""
    pair = api.login(alice)
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        rotate(RefreshToken(pair["refresh"]))
    assert row(pair).generation == 1


# The row decides


def test_an_idle_session_is_refused(api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    DeviceSession.objects.update(idle_expires_at=row(pair).created_at)
    clock.forward(seconds=1)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).generation == 1


def test_a_session_without_a_row_is_refused(api: API, alice: User) -> None:
    pair = api.login(alice)
    DeviceSession.objects.all().delete()
    assert api.refresh(pair["refresh"]).status_code == 401


@pytest.mark.trap(66)
def test_a_refresh_token_with_another_sub_is_refused(api: API, alice: User, bob: User) -> None:
    pair = api.login(alice)
    DeviceSession.objects.update(user=bob)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).generation == 1
    assert row(pair).revoked_at is None


def test_a_constantly_changing_row_is_503_and_spends_nothing(api: API, alice: User) -> None:
    """Deactivate the user before each write, and activate the user before each read."""
    pair = api.login(alice)

    def disturb(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        with connection.cursor() as cursor:
            active = not sql.lstrip().startswith("UPDATE")
            cursor.cursor.execute(f"UPDATE accounts_user SET is_active = {active}")  # noqa: S608
        return execute(sql, params, many, context)

    with connection.execute_wrapper(disturb):
        answer = api.refresh(pair["refresh"])
    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert api.rotated(pair["refresh"])["generation"] == 2


def test_a_row_is_advanced_at_the_second_attempt(api: API, alice: User) -> None:
    """Guards the second attempt of `rotate`: the user was inactive for the first write only."""
    pair = api.login(alice)
    statements: list[str] = []

    def disturb(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        statements.append(sql.split(maxsplit=1)[0])
        with connection.cursor() as cursor:
            active = statements != ["UPDATE"]
            cursor.cursor.execute(f"UPDATE accounts_user SET is_active = {active}")  # noqa: S608
        return execute(sql, params, many, context)

    with connection.execute_wrapper(disturb):
        answer = api.refresh(pair["refresh"])
    assert statements == ["UPDATE", "SELECT", "UPDATE"]
    assert (answer.status_code, row(pair).generation) == (200, 2)


@pytest.mark.trap(7)
@pytest.mark.parametrize("atomic", [False, True], ids=["as shipped", "under ATOMIC_REQUESTS"])
def test_a_refused_request_does_not_roll_back_the_revocation(
    api: API, alice: User, atomic: bool
) -> None:
    """Guards `non_atomic_requests` on the views: a refusal must not roll the revocation back."""
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    third = api.rotated(second["refresh"])
    connection.settings_dict["ATOMIC_REQUESTS"] = atomic
    try:
        assert api.refresh(first["refresh"]).status_code == 401
        assert api.refresh(third["refresh"]).status_code == 401
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert is_revoked(first, "reuse")


@pytest.mark.parametrize(
    ("spent_with", "came_with"),
    [(KEY, OTHER_KEY), (KEY, ""), ("", KEY)],
    ids=["another key", "no key", "a key where there was none"],
)
def test_a_second_client_is_reported_each_time(
    api: API, alice: User, heard: Listen, spent_with: str, came_with: str
) -> None:
    contended, ended = heard(signals.refresh_token_contended), heard(signals.session_ended)
    first = api.login(alice)
    api.rotated(first["refresh"], key=spent_with)
    api.rotated(first["refresh"], key=spent_with)
    assert contended == []
    for _ in range(2):
        assert api.refresh(first["refresh"], key=came_with).status_code == 409
    assert [call["session"] for call in contended] == [row(first)] * 2
    assert [call["ip_address"] for call in contended] == ["127.0.0.1"] * 2
    assert ended == []
