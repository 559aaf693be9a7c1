"""Access tokens are accepted or refused without a query."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any, TypeAlias

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import User
from tests.conftest import API, Clock, Listen, row
from tests.support.example import read
from tokens import signals
from tokens.http.authentication import TokenUser
from tokens.jwt.claims import AccessToken
from tokens.keys import cached_value
from tokens.keys import lifecycle as keys_lifecycle
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.revocation import snapshot
from tokens.revocation.blacklist import blacklist
from tokens.sessions import lifecycle, roles
from tokens.sessions.lifecycle import revoke_all_sessions

pytestmark = pytest.mark.django_db(transaction=True)

Pair: TypeAlias = dict[str, Any]


def test_an_authenticated_request_costs_no_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pair = api.login(alice)
    read(api, pair)
    with django_assert_num_queries(0):
        for _ in range(5):
            assert read(api, pair).json() == {"user": str(alice.pk), "roles": []}


REVOCATIONS: dict[str, Callable[[API, User, Pair], object]] = {
    "logout": lambda api, alice, pair: api.post("logout/", {"refresh": pair["refresh"]}),
    "logout everywhere": lambda api, alice, pair: api.post("logout/all/", bearer=pair["access"]),
    "revoking it in the list": lambda api, alice, pair: api.delete(
        f"sessions/{pair['session']}/", bearer=pair["access"]
    ),
    "another password": lambda api, alice, pair: User.objects.update(password="!"),
    "deactivation": lambda api, alice, pair: User.objects.update(is_active=False),
    "deletion": lambda api, alice, pair: alice.delete(),
    "blacklisting it": lambda api, alice, pair: blacklist(pair["access"], Reason.ADMIN),
    "blacklisting its refresh token": lambda api, alice, pair: blacklist(
        pair["refresh"], Reason.ADMIN
    ),
    "all": lambda api, alice, pair: sum(revoke_all_sessions(Reason.ADMIN)),
}


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.2")
@pytest.mark.parametrize("end", REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_revocation_is_known_immediately_in_its_process(
    api: API, alice: User, end: Callable[[API, User, Pair], object]
) -> None:
    """Guards that the commit invalidates the snapshot."""
    pair = api.login(alice)
    assert read(api, pair).status_code == 200
    end(api, alice, pair)
    answer = read(api, pair)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def revoke_elsewhere(pair: Pair) -> None:
    """Revoke the session as another process does: this process receives no signal."""
    DeviceSession.objects.filter(sid=pair["session"]).update(
        revoked_at=timezone.now(), revoked_reason=Reason.LOGOUT
    )


@pytest.mark.parametrize("seconds", [0, 1], ids=["at every request", "once a second"])
def test_a_revocation_elsewhere_is_known_within_the_interval(
    api: API, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SNAPSHOT_INTERVAL": timedelta(seconds=seconds)}
    now = [monotonic()]
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    monkeypatch.setattr(snapshot, "monotonic", lambda: now[0])
    pair = api.login(alice)
    assert read(api, pair).status_code == 200
    revoke_elsewhere(pair)
    now[0] += seconds * 0.99
    assert read(api, pair).status_code == (200 if seconds else 401)
    now[0] += seconds * 0.02
    assert read(api, pair).status_code == 401


@pytest.mark.trap(27)
@pytest.mark.trap(41)
@pytest.mark.parametrize("seconds", [299, 319], ids=["its life", "and as clocks may differ"])
def test_a_revocation_is_listed_while_a_token_may_be_valid(
    api: API, alice: User, clock: Clock, seconds: int
) -> None:
    """A clock that is ten seconds fast mints a token. It is accepted with a leeway of ten."""
    clock.forward(seconds=10)
    pair = api.login(alice)
    clock.forward(seconds=-10)
    revoke_elsewhere(pair)
    clock.forward(seconds=seconds)
    AccessToken(pair["access"])
    snapshot.revocations.invalidate()
    assert read(api, pair).status_code == 401


def test_old_revocations_are_not_listed(api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    api.post("logout/", {"refresh": pair["refresh"]})
    assert snapshot.revocations.current().sessions == {row(pair).sid.int}
    clock.forward(seconds=381)
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().sessions == frozenset()


def test_revoking_all_replaces_the_key_and_fills_no_list(
    api: API, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SLICES_PER_KEY", 1)
    pairs = [api.login(alice), api.login(bob)]
    assert sum(revoke_all_sessions(Reason.ADMIN, size=1)) == 2
    assert snapshot.revocations.current().sessions == frozenset()
    keys_lifecycle.replace_all()
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().sessions == frozenset()
    assert [read(api, pair).status_code for pair in pairs] == [401, 401]
    last = api.login(alice)
    assert read(api, last).status_code == 200
    api.post("logout/", {"refresh": last["refresh"]})
    assert snapshot.revocations.current().sessions == {row(last).sid.int}


@pytest.mark.parametrize(("slices", "keys"), [(1, 4), (2, 2), (50, 1)])
def test_revoking_all_replaces_the_keys_after_some_slices(
    api: API, alice: User, heard: Listen, monkeypatch: pytest.MonkeyPatch, *, slices: int, keys: int
) -> None:
    monkeypatch.setattr(lifecycle, "SLICES_PER_KEY", slices)
    for _ in range(3):
        api.login(alice)
    published = heard(signals.signing_key_published)
    assert list(revoke_all_sessions(Reason.ADMIN, size=1)) == [1, 1, 1]
    assert len(published) == keys


@pytest.mark.parametrize("killed", [False, True], ids=["to its end", "and is stopped"])
@pytest.mark.parametrize("slices", [1, 50], ids=["a key each slice", "a key at the end"])
def test_a_refresh_during_the_revocation_of_all_is_refused(
    api: API, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, *, slices: int, killed: bool
) -> None:
    """Guards that a session is left out only if all its tokens are older than the new key."""
    monkeypatch.setattr(lifecycle, "SLICES_PER_KEY", slices)
    first, pair = api.login(alice), api.login(bob)
    ending = revoke_all_sessions(Reason.ADMIN, size=1)
    next(ending)
    assert read(api, first).status_code == 401
    pair = api.rotated(pair["refresh"])
    assert read(api, pair).status_code == 200
    next(ending)
    assert read(api, pair).status_code == 401
    if killed:
        del ending
    else:
        assert list(ending) == []
    assert read(api, pair).status_code == 401
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().sessions == frozenset()


@pytest.mark.spec("ASVS 5.0", "16.5.3")
def test_without_a_snapshot_no_token_is_accepted(
    api: API, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise OperationalError

    pair = api.login(alice)
    assert read(api, pair).status_code == 200
    monkeypatch.setattr(snapshot.revocations, "_load", away)
    assert read(api, pair).status_code == 200
    snapshot.revocations.invalidate()
    answer = read(api, pair)
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_blacklisted_tokens_are_listed_until_they_expire(
    api: API, alice: User, clock: Clock
) -> None:
    pair = api.login(alice)
    blacklist(pair["access"], Reason.ADMIN)
    clock.forward(seconds=309)
    snapshot.revocations.invalidate()
    assert read(api, pair).status_code == 401
    assert snapshot.revocations.current().tokens == {BlacklistedToken.objects.get().jti}
    clock.forward(seconds=12)
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().tokens == frozenset()


# The user of a token


@pytest.mark.trap(55)
def test_the_users_row_is_loaded_when_it_is_needed(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user: Any = TokenUser(AccessToken(api.login(alice)["access"]))
    with django_assert_num_queries(0):
        assert user
        assert (user.pk, user.id, user.roles) == (alice.pk, alice.pk, frozenset())
        assert user.is_authenticated
        assert not user.is_anonymous
    with django_assert_num_queries(1):
        assert user.username == "alice"
        assert user == alice
        assert isinstance(user, User)
    assert list(DeviceSession.objects.filter(user=user)) == [DeviceSession.objects.get()]


def test_the_loaded_row_is_of_the_user_of_the_token(api: API, alice: User, bob: User) -> None:
    for person in (alice, bob):
        user: Any = TokenUser(AccessToken(api.login(person)["access"]))
        assert user.username == person.username


@pytest.mark.parametrize("change", ["deleted", "inactive"])
def test_a_deleted_row_that_is_needed_is_a_refusal(api: API, alice: User, change: str) -> None:
    token = AccessToken(api.login(alice)["access"])
    if change == "deleted":
        alice.delete()
    else:
        User.objects.update(is_active=False)
    with pytest.raises(InvalidToken):
        str(TokenUser(token))


def test_changed_roles_are_listed_as_long_as_revocations(
    api: API, alice: User, clock: Clock
) -> None:
    api.login(alice)
    roles.bump_version(User.objects.all())
    assert list(snapshot.revocations.current().roles_versions.values()) == [2]
    clock.forward(seconds=381)
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().roles_versions == {}
