"""What refresh promises, line by line of the table in tokens/sessions/rotation.py."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, Listen, row
from tokens import signals
from tokens.models import DeviceSession
from tokens.sessions.rotation import rotate

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a secret of the phone, 1"
OTHER_KEY = "a secret of a thief, 22"


@pytest.fixture
def no_grace(settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "GRACE_PERIOD": timedelta(0)}


def is_ended(pair: dict[str, Any], reason: str) -> bool:
    session = row(pair)
    return session.revoked_at is not None and session.revoked_reason == reason


@pytest.mark.spec("RFC 9700", "2.2.2", "4.14.2")
def test_the_current_token_gives_its_successor(api: API, alice: User) -> None:
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


# With an Idempotency-Key


@pytest.mark.trap(4)
def test_the_same_key_is_given_the_same_successor_for_a_day(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    before = row(first)
    clock.forward(hours=23, minutes=59)
    again = api.rotated(first["refresh"], key=KEY)
    assert again["refresh"] == second["refresh"]
    assert again["generation"] == 2
    assert DeviceSession.objects.filter(pk=before.pk).values().get() == {
        field.attname: getattr(before, field.attname) for field in before._meta.concrete_fields
    }


def test_after_a_day_the_same_key_ends_the_session(api: API, alice: User, clock: Clock) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    clock.forward(hours=24)
    assert api.refresh(first["refresh"], key=KEY).status_code == 401
    assert is_ended(first, "reuse")
    assert api.refresh(second["refresh"]).status_code == 401


@pytest.mark.trap(54)
@pytest.mark.parametrize("key", [OTHER_KEY, ""], ids=["another key", "no key"])
def test_without_the_right_key_a_moment_later_nothing_is_given_or_ended(
    api: API, alice: User, clock: Clock, key: str
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    clock.forward(seconds=29)
    answer = api.refresh(first["refresh"], key=key)
    assert answer.status_code == 409
    assert answer.json()["code"] == "already_rotated"
    assert "refresh" not in answer.json()
    assert row(first).revoked_at is None
    assert api.rotated(second["refresh"])["generation"] == 3


@pytest.mark.parametrize("key", [OTHER_KEY, ""], ids=["another key", "no key"])
def test_without_the_right_key_after_the_grace_period_the_session_ends(
    api: API, alice: User, clock: Clock, key: str
) -> None:
    first = api.login(alice)
    api.rotated(first["refresh"], key=KEY)
    clock.forward(seconds=30)
    assert api.refresh(first["refresh"], key=key).status_code == 401
    assert is_ended(first, "reuse")


def test_a_key_counts_for_the_token_it_was_spent_on_only(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    third = api.rotated(second["refresh"], key=OTHER_KEY)
    assert api.refresh(second["refresh"], key=KEY).status_code == 409
    assert api.rotated(second["refresh"], key=OTHER_KEY)["refresh"] == third["refresh"]


@pytest.mark.usefixtures("no_grace")
def test_a_key_works_with_the_grace_period_switched_off(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    assert api.rotated(first["refresh"], key=KEY)["refresh"] == second["refresh"]
    assert api.refresh(first["refresh"], key=OTHER_KEY).status_code == 401
    assert is_ended(first, "reuse")


@pytest.mark.parametrize("key", ["short", "k" * 256, "ключ от двери, секретный"[:8] * 3])
def test_a_key_of_another_shape_is_refused_and_spends_nothing(
    api: API, alice: User, key: str
) -> None:
    pair = api.login(alice)
    answer = api.refresh(pair["refresh"], key=key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()
    assert row(pair).generation == 1


# Without one


@pytest.mark.trap(4, 5)
@pytest.mark.spec("ASVS 5.0", "10.4.5")
def test_the_predecessor_gets_the_same_bytes_within_the_grace_period(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    clock.forward(seconds=29)
    assert api.rotated(first["refresh"])["refresh"] == second["refresh"]
    assert row(first).generation == 2


@pytest.mark.trap(5, 54)
def test_a_key_does_not_share_what_was_spent_without_one(
    api: API, alice: User, clock: Clock
) -> None:
    """A thief who comes first, without a key, must not live beside an owner who has one."""
    first = api.login(alice)
    thiefs = api.rotated(first["refresh"])
    assert api.refresh(first["refresh"], key=KEY).status_code == 409
    assert row(first).revoked_at is None
    clock.forward(seconds=30)
    assert api.refresh(first["refresh"], key=KEY).status_code == 401
    assert is_ended(first, "reuse")
    assert api.refresh(thiefs["refresh"]).status_code == 401


@pytest.mark.spec("ASVS 5.0", "10.4.5")
def test_the_predecessor_ends_the_session_after_the_grace_period(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    clock.forward(seconds=30)
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_ended(first, "reuse")
    assert api.refresh(second["refresh"]).status_code == 401
    assert api.post("verify/", {"token": second["access"]}).status_code == 401


@pytest.mark.trap(5)
def test_the_grace_period_does_not_slide(api: API, alice: User, clock: Clock) -> None:
    first = api.login(alice)
    api.rotated(first["refresh"])
    clock.forward(seconds=20)
    api.rotated(first["refresh"])
    clock.forward(seconds=20)
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_ended(first, "reuse")


@pytest.mark.trap(5)
@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_grandparent_ends_the_session_at_once(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    third = api.rotated(second["refresh"])
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_ended(first, "reuse")
    assert api.refresh(third["refresh"]).status_code == 401


@pytest.mark.usefixtures("no_grace")
@pytest.mark.spec("ASVS 5.0", "10.4.5")
def test_a_grace_period_of_zero_forgives_nothing(api: API, alice: User) -> None:
    first = api.login(alice)
    api.rotated(first["refresh"])
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_ended(first, "reuse")


@pytest.mark.trap(6)
def test_the_grace_period_revives_no_ended_session(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    api.post("logout/", {"refresh": second["refresh"]})
    assert api.refresh(first["refresh"]).status_code == 401
    assert is_ended(first, "logout")


@pytest.mark.trap(9)
def test_the_successor_is_minted_anew_when_its_first_answer_was_lost(
    api: API, alice: User, settings: Settings
) -> None:
    """Signing fails after the row moved: the next try gives the pair."""
    first = api.login(alice)
    right = settings.TOKENS
    settings.TOKENS = {**right, "CLIENT_ID": b"nothing that JSON has"}
    api.client.raise_request_exception = False
    assert api.refresh(first["refresh"]).status_code == 500
    settings.TOKENS = right
    assert row(first).generation == 2
    second = api.rotated(first["refresh"])
    assert second["generation"] == 2
    assert api.rotated(second["refresh"])["generation"] == 3


# Another lineage than the row's: the database was restored from a backup


def restore(pair: dict[str, Any], backup: dict[str, Any]) -> None:
    DeviceSession.objects.filter(sid=pair["session"]).update(**backup)


def backup_of(pair: dict[str, Any]) -> dict[str, Any]:
    return {**DeviceSession.objects.filter(sid=pair["session"]).values().get()}


def test_a_token_ahead_of_its_row_is_refused_and_ends_nothing(
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
def test_a_token_of_another_lineage_is_refused_and_ends_nothing(
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


# Who is told


@pytest.mark.trap(11)
def test_reuse_is_reported_once_with_what_came(api: API, alice: User, heard: Listen) -> None:
    reused, ended = heard(signals.refresh_token_reused), heard(signals.session_ended)
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    api.rotated(second["refresh"])
    for _ in range(3):
        api.refresh(first["refresh"])
    assert [(call["generation"], call["ip_address"]) for call in reused] == [(1, "127.0.0.1")]
    assert [call["session"].revoked_reason for call in ended] == ["reuse"]


def test_every_retransmission_is_told_with_both_addresses(
    api: API, alice: User, heard: Listen
) -> None:
    told = heard(signals.refresh_token_sent_again)
    first = api.login(alice)
    api.rotated(first["refresh"])
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    api.rotated(first["refresh"])
    assert [(call["session"].rotated_from, call["ip_address"]) for call in told] == [
        ("127.0.0.1", "192.0.2.7")
    ]


@pytest.mark.trap(54)
def test_the_list_does_not_tell_from_where_and_so_when_a_token_was_rotated(
    api: API, alice: User
) -> None:
    """A thief with an access token could else wait for the owner's refresh and step in."""
    first = api.login(alice)
    before = api.get("sessions/", bearer=first["access"]).json()
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    api.rotated(first["refresh"])
    assert row(first).rotated_from == "192.0.2.7"
    assert api.get("sessions/", bearer=first["access"]).json() == before


@pytest.mark.trap(7)
def test_rotating_inside_a_transaction_is_refused_before_anything_happens(
    api: API, alice: User
) -> None:
    """A refusal would roll back what it has just ended."""
    pair = api.login(alice)
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        rotate(pair["refresh"])
    assert row(pair).generation == 1


# What the row says


def test_a_session_that_ran_out_by_idleness_is_refused(api: API, alice: User, clock: Clock) -> None:
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
def test_a_token_of_another_user_than_the_session_is_refused(
    api: API, alice: User, bob: User
) -> None:
    pair = api.login(alice)
    DeviceSession.objects.update(user=bob)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).generation == 1
    assert row(pair).revoked_at is None


def test_a_row_that_will_not_stand_still_is_503_and_costs_nothing(api: API, alice: User) -> None:
    """Somebody switches the user off before each write and on again before each look."""
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


def test_a_row_that_stands_still_at_the_second_attempt_is_advanced(api: API, alice: User) -> None:
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
def test_what_reuse_ended_stays_ended_though_the_request_is_refused(
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
    assert is_ended(first, "reuse")


@pytest.mark.parametrize(
    ("spent_with", "came_with"),
    [(KEY, OTHER_KEY), (KEY, ""), ("", KEY)],
    ids=["another key", "no key", "a key where there was none"],
)
def test_a_second_client_with_the_same_token_is_told_each_time(
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
