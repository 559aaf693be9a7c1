"""The snapshot: an access token is believed without a query, and an end is known all the same."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from typing import Any, TypeAlias

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import User
from tests.conftest import API, Answer, Clock, row
from tests.support.racing import race
from tokens.http.authentication import TokenUser
from tokens.jwt.claims import AccessToken
from tokens.keys import cached_value
from tokens.keys import lifecycle as keys_lifecycle
from tokens.keys.cached_value import CachedValue
from tokens.keys.keyring import keyring
from tokens.models import BlacklistedToken, DeviceSession, Reason
from tokens.revocation import snapshot
from tokens.revocation.blacklist import blacklist
from tokens.sessions import lifecycle, roles
from tokens.sessions.lifecycle import revoke_all_sessions

pytestmark = pytest.mark.django_db(transaction=True)

Pair: TypeAlias = dict[str, Any]


def read(api: API, pair: Pair) -> Answer:
    """Ask what the API that stands for a developer's own answers."""
    headers = {"Authorization": f"Bearer {pair['access']}"}
    return api.client.get("/api/example/", headers=headers)


def test_an_authenticated_request_costs_no_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pair = api.login(alice)
    read(api, pair)
    with django_assert_num_queries(0):
        for _ in range(5):
            assert read(api, pair).json() == {"user": str(alice.pk), "roles": []}


ENDS: dict[str, Callable[[API, User, Pair], object]] = {
    "logout": lambda api, alice, pair: api.post("logout/", {"refresh": pair["refresh"]}),
    "logout everywhere": lambda api, alice, pair: api.post("logout/all/", bearer=pair["access"]),
    "ending it in the list": lambda api, alice, pair: api.delete(
        f"sessions/{pair['session']}/", bearer=pair["access"]
    ),
    "another password": lambda api, alice, pair: User.objects.update(password="!"),
    "deactivation": lambda api, alice, pair: User.objects.update(is_active=False),
    "deletion": lambda api, alice, pair: alice.delete(),
    "blacklisting it": lambda api, alice, pair: blacklist(pair["access"], Reason.ADMIN),
    "blacklisting its refresh token": lambda api, alice, pair: blacklist(
        pair["refresh"], Reason.ADMIN
    ),
    "everybody": lambda api, alice, pair: sum(revoke_all_sessions(Reason.ADMIN)),
}


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.2")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_end_is_known_at_once_where_it_was_made(
    api: API, alice: User, end: Callable[[API, User, Pair], object]
) -> None:
    """Guards that the snapshot is forgotten after the commit."""
    pair = api.login(alice)
    assert read(api, pair).status_code == 200
    end(api, alice, pair)
    answer = read(api, pair)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def behind_its_back(pair: Pair) -> None:
    """End the session as another process does, of which this one hears nothing."""
    DeviceSession.objects.filter(sid=pair["session"]).update(
        revoked_at=timezone.now(), revoked_reason=Reason.LOGOUT
    )


@pytest.mark.parametrize("seconds", [0, 1], ids=["at every request", "once a second"])
def test_an_end_in_another_process_is_known_within_the_interval(
    api: API, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SNAPSHOT_INTERVAL": timedelta(seconds=seconds)}
    now = [monotonic()]
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    monkeypatch.setattr(snapshot, "monotonic", lambda: now[0])
    pair = api.login(alice)
    assert read(api, pair).status_code == 200
    behind_its_back(pair)
    now[0] += seconds * 0.99
    assert read(api, pair).status_code == (200 if seconds else 401)
    now[0] += seconds * 0.02
    assert read(api, pair).status_code == 401


@pytest.mark.trap(27)
@pytest.mark.trap(41)
@pytest.mark.parametrize("seconds", [299, 319], ids=["its life", "and as clocks may differ"])
def test_an_end_is_known_as_long_as_a_token_may_live(
    api: API, alice: User, clock: Clock, seconds: int
) -> None:
    """A token is minted by a clock that is ten seconds fast, and believed with ten of leeway."""
    clock.forward(seconds=10)
    pair = api.login(alice)
    clock.forward(seconds=-10)
    behind_its_back(pair)
    clock.forward(seconds=seconds)
    AccessToken(pair["access"])
    snapshot.revocations.invalidate()
    assert read(api, pair).status_code == 401


def test_what_ended_long_ago_is_not_carried_about(api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    api.post("logout/", {"refresh": pair["refresh"]})
    assert snapshot.revocations.current().sessions == {row(pair).sid.int}
    clock.forward(seconds=381)
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().sessions == frozenset()


def test_the_end_of_everybody_is_a_key_and_no_list(
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


@pytest.mark.parametrize("killed", [False, True], ids=["to its end", "and is stopped"])
@pytest.mark.parametrize("slices", [1, 50], ids=["a key each slice", "a key at the end"])
def test_who_is_refreshed_while_everybody_is_ended_is_ended_with_their_slice(
    api: API, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, *, slices: int, killed: bool
) -> None:
    """Guards that a session is left out only where every token of it is older than its key."""
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
def test_a_snapshot_that_cannot_be_taken_believes_nobody(
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


def test_blacklisted_tokens_are_carried_until_they_are_dead(
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


# How it is taken


class Source:
    """Counts how often it is asked; answers when it is let, or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()
        self.fails = False

    def take(self) -> int:
        self.asked += 1
        number = self.asked
        assert self.go.wait(timeout=10)
        if self.fails:
            raise OperationalError
        return number


def test_of_many_who_come_at_once_one_asks() -> None:
    source = Source()
    source.go.set()
    keeper = CachedValue(source.take)
    assert race(*[keeper.current] * 8) == [1] * 8
    assert source.asked == 1


def test_who_waits_for_a_failure_does_not_wait_for_it_again() -> None:
    source = Source()
    source.fails = True
    keeper = CachedValue(source.take)
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(keeper.current) for _ in range(4)]
        while not keeper._lock.locked():
            pass
        threading.Timer(0.3, source.go.set).start()
        for future in waiting:
            with pytest.raises(OperationalError):
                future.result(timeout=10)
    assert source.asked == 1
    source.fails = False
    assert keeper.current() == 2


def failed_once() -> tuple[Source, CachedValue[int]]:
    """Return a keeper whose source has just failed, and would again."""
    source = Source()
    source.fails = True
    source.go.set()
    keeper = CachedValue(source.take)
    with pytest.raises(OperationalError):
        keeper.current()
    return source, keeper


def test_while_the_database_is_away_one_asks_and_nobody_waits_for_the_answer() -> None:
    source, keeper = failed_once()
    source.go.clear()
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(keeper.current)
        while source.asked < 2:
            pass
        with pytest.raises(OperationalError):
            pool.submit(keeper.current).result(timeout=5)
        source.fails = False
        source.go.set()
        assert asking.result(timeout=10) == 2
    keeper.invalidate()
    assert race(*[keeper.current] * 8) == [3] * 8


def test_who_has_committed_something_knows_that_the_database_is_back() -> None:
    """Guards that `forget` has everybody wait again for the one who asks."""
    source, keeper = failed_once()
    source.fails = False
    keeper.invalidate()
    source.go.clear()
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(keeper.current) for _ in range(4)]
        while source.asked < 2:
            pass
        threading.Timer(0.3, source.go.set).start()
        assert [answer.result(timeout=10) for answer in answers] == [2] * 4


@pytest.mark.spec("ASVS 5.0", "16.5.3")
@pytest.mark.parametrize("keeper", [keyring, snapshot.revocations], ids=["keys", "ends"])
def test_all_who_come_at_once_are_told_within_one_attempt_that_the_database_is_away(
    api: API, alice: User, monkeypatch: pytest.MonkeyPatch, keeper: CachedValue[Any]
) -> None:
    """Guards that no lock of Python's is held where a token is verified."""
    pair, source = api.login(alice), Source()
    source.fails = True
    with monkeypatch.context() as outage:
        outage.setattr(keeper, "_load", source.take)
        keeper.invalidate()
        threading.Timer(1, source.go.set).start()
        answers = race(*[lambda: read(API(Client()), pair).status_code] * 8)
    assert answers == [503] * 8
    assert source.asked == 1
    assert read(api, pair).status_code == 200
    assert race(*[lambda: read(API(Client()), pair).status_code] * 8) == [200] * 8


def test_what_changes_while_it_is_taken_is_not_lost() -> None:
    """Guards that the changes are counted before the database is asked."""
    source = Source()
    keeper = CachedValue(source.take)
    with ThreadPoolExecutor() as pool:
        early = pool.submit(keeper.current)
        while not source.asked:
            pass
        keeper.invalidate()
        source.go.set()
        assert early.result(timeout=10) == 1
    assert keeper.current() == 2
    assert keeper.current() == 2


def test_a_snapshot_is_as_old_as_its_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards that the clock is looked at before the database is asked, which may take long."""
    now, asked = [0.0], []
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    monkeypatch.setattr(snapshot, "monotonic", lambda: now[0])

    def take() -> int:
        asked.append(now[0])
        now[0] += 40
        return len(asked)

    keeper = CachedValue(take)
    assert keeper.current() == 1
    now[0] += 19
    assert keeper.current() == 1
    now[0] += 1
    assert keeper.current() == 2


# The user that a token stands for


@pytest.mark.trap(55)
def test_the_user_of_a_token_becomes_the_row_when_somebody_needs_it(
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


@pytest.mark.parametrize("change", ["deleted", "inactive"])
def test_a_row_that_is_needed_and_gone_is_a_refusal(api: API, alice: User, change: str) -> None:
    token = AccessToken(api.login(alice)["access"])
    if change == "deleted":
        alice.delete()
    else:
        User.objects.update(is_active=False)
    with pytest.raises(InvalidToken):
        str(TokenUser(token))


def test_moved_rights_are_carried_no_longer_than_ends(api: API, alice: User, clock: Clock) -> None:
    api.login(alice)
    roles.bump_version(User.objects.all())
    assert list(snapshot.revocations.current().rights.values()) == [2]
    clock.forward(seconds=381)
    snapshot.revocations.invalidate()
    assert snapshot.revocations.current().rights == {}
