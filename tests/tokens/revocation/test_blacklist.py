"""A leaked token is blacklisted before it expires, and stays blacklisted."""

from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.conftest import API, Clock, Listen, row
from tests.support.racing import queue, race
from tests.tokens.jwt.forging import encoded, parts, signed
from tokens.errors import InactiveTokenError, UnknownTokenError
from tokens.models import BlacklistedToken, DeviceSession, Reason, TokenType
from tokens.revocation.blacklist import blacklist
from tokens.signals import session_ended, token_blacklisted

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(api: API, pair: dict[str, Any]) -> set[int]:
    """Return the statuses of the requests that verify and use the access token."""
    return {
        api.post("verify/", {"token": pair["access"]}).status_code,
        api.get("sessions/", bearer=pair["access"]).status_code,
    }


@pytest.mark.trap(24)
@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.5")
def test_blacklisting_an_access_token_keeps_its_session(api: API, alice: User, bob: User) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    revoked = blacklist(phone["access"], Reason.ADMIN)
    assert statuses(api, phone) == {401}
    assert statuses(api, laptop) == {200}
    assert statuses(api, bobs) == {200}
    claims = parts(phone["access"])[1]
    assert isinstance(revoked, BlacklistedToken)
    assert BlacklistedToken.objects.get() == revoked
    assert (revoked.jti, revoked.token_type, revoked.user) == (
        claims["jti"],
        TokenType.ACCESS,
        alice,
    )
    assert (revoked.reason, int(revoked.expires_at.timestamp())) == (Reason.ADMIN, claims["exp"])
    assert statuses(api, api.rotated(phone["refresh"])) == {200}


def test_blacklisting_twice_adds_one_entry(api: API, alice: User) -> None:
    phone = api.login(alice)
    first = blacklist(phone["access"], Reason.ADMIN)
    assert blacklist(phone["access"], Reason.LOGOUT) == first
    assert BlacklistedToken.objects.get().reason == Reason.ADMIN


def test_simultaneous_blacklisting_is_reported_once(api: API, alice: User, heard: Listen) -> None:
    told = heard(token_blacklisted)
    phone = api.login(alice)
    revoked = race(*[partial(blacklist, phone["access"], Reason.ADMIN)] * 6)
    assert revoked == [BlacklistedToken.objects.get()] * 6
    assert [call["token"] for call in told] == revoked[:1]


@pytest.mark.trap(53)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such locks")
def test_a_token_is_blacklisted_during_the_users_deletion(api: API, alice: User) -> None:
    """Guards the lock on the user's row: without it the commit would find no such user."""
    phone = api.login(alice)
    with queue() as line_up:
        alice.delete()
        late = line_up(partial(blacklist, phone["access"], Reason.ADMIN))
    assert late.result() == BlacklistedToken.objects.get(user=None)


def test_a_rolled_back_entry_is_not_reported(api: API, alice: User, heard: Listen) -> None:
    told = heard(token_blacklisted)
    phone = api.login(alice)
    with transaction.atomic():
        blacklist(phone["access"], Reason.ADMIN)
        transaction.set_rollback(True)
    assert told == []
    blacklist(phone["access"], Reason.ADMIN)
    assert len(told) == 1


def test_the_blacklist_costs_no_extra_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    phone = api.login(alice)
    with django_assert_num_queries(1):
        assert api.post("verify/", {"token": phone["access"]}).status_code == 200
    blacklist(phone["access"], Reason.ADMIN)
    with django_assert_num_queries(1):
        assert api.post("verify/", {"token": phone["access"]}).status_code == 401


@pytest.mark.trap(19, 53)
@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_deleting_the_user_keeps_the_blacklist_entry(api: API, alice: User) -> None:
    phone = api.login(alice)
    blacklist(phone["access"], Reason.ADMIN)
    alice.delete()
    revoked = BlacklistedToken.objects.get()
    assert (revoked.jti, revoked.user) == (parts(phone["access"])[1]["jti"], None)
    assert statuses(api, phone) == {401}


def test_an_access_token_of_a_deleted_user_is_blacklisted_too(api: API, alice: User) -> None:
    """This site refuses the token without the entry, but other services need the list."""
    phone = api.login(alice)
    alice.delete()
    blacklist(phone["access"], Reason.ADMIN)
    assert BlacklistedToken.objects.get().user is None


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_a_blacklisted_refresh_token_revokes_its_session(
    api: API, alice: User, bob: User, heard: Listen
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    ended = heard(session_ended)
    revoked = blacklist(phone["refresh"], Reason.ADMIN)
    assert revoked == row(phone)
    assert row(phone).revoked_reason == Reason.ADMIN
    assert [call["session"] for call in ended] == [row(phone)]
    assert api.refresh(phone["refresh"]).status_code == 401
    assert statuses(api, phone) == {401}
    assert not BlacklistedToken.objects.exists()
    for other in (laptop, bobs):
        api.rotated(other["refresh"])


def test_an_expired_refresh_token_revokes_its_session_too(
    api: API, alice: User, clock: Clock
) -> None:
    first = api.login(alice)
    clock.forward(days=10)
    second = api.rotated(first["refresh"])
    clock.forward(days=10)
    blacklist(first["refresh"], Reason.ADMIN)
    assert row(first).revoked_reason == Reason.ADMIN
    assert api.refresh(second["refresh"]).status_code == 401


def test_a_refresh_token_of_a_revoked_session_is_inactive(api: API, alice: User) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    with pytest.raises(InactiveTokenError, match="was revoked before"):
        blacklist(phone["refresh"], Reason.ADMIN)
    assert row(phone).revoked_reason == Reason.LOGOUT


def test_a_refresh_token_of_a_purged_session_is_inactive(api: API, alice: User) -> None:
    phone = api.login(alice)
    DeviceSession.objects.all().delete()
    with pytest.raises(InactiveTokenError):
        blacklist(phone["refresh"], Reason.ADMIN)


def test_an_expired_access_token_is_inactive(api: API, alice: User, clock: Clock) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    clock.forward(minutes=5, seconds=5)  # expired, but within the leeway
    blacklist(phone["access"], Reason.ADMIN)
    clock.traveller.move_to(parts(laptop["access"])[1]["exp"] + 10)
    with pytest.raises(InactiveTokenError, match="was revoked before"):
        blacklist(laptop["access"], Reason.ADMIN)
    assert BlacklistedToken.objects.count() == 1


@pytest.mark.parametrize(
    "forge",
    [
        lambda pair: "",
        lambda pair: "garbage",
        lambda pair: "garbage\0",
        lambda pair: "ä" * 100,
        lambda pair: "a" * 100_000,
        lambda pair: pair["session"],
        lambda pair: pair["access"][:-4] + "AAAA",
        lambda pair: pair["refresh"][:-4] + "AAAA",
        lambda pair: signed(*parts(pair["refresh"]), b"k" * 32),
        lambda pair: signed(*parts(pair["access"]), b"k" * 32),
        lambda pair: encoded({"alg": "none"}) + "." + encoded(parts(pair["access"])[1]) + ".",
    ],
    ids=[
        *("empty", "garbage", "NUL", "not ASCII", "100 kB", "a session's id"),
        *("altered access", "altered refresh", "foreign refresh", "foreign access", "unsigned"),
    ],
)
def test_a_foreign_token_is_unknown_and_changes_nothing(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries, forge: Any
) -> None:
    phone = api.login(alice)
    with django_assert_num_queries(0), pytest.raises(UnknownTokenError, match="did not issue"):
        blacklist(forge(phone), Reason.ADMIN)
    assert statuses(api, phone) == {200}
    api.rotated(phone["refresh"])


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.2.5")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_the_text_of_the_token_is_not_stored(api: API, alice: User, kind: str) -> None:
    phone = api.login(alice)
    revoked = blacklist(phone[kind], Reason.ADMIN)
    stored = repr([*DeviceSession.objects.values(), *BlacklistedToken.objects.values()])
    assert str(revoked) in (str(row(phone)), f"access token {revoked.pk}")
    for part in phone[kind].split("."):
        assert part not in stored
