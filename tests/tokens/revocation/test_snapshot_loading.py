"""One thread loads the snapshot, and a database outage blocks no other thread."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import User
from tests.conftest import API
from tests.support.example import read
from tests.support.racing import race
from tokens.keys import cached_value
from tokens.keys.cached_value import CachedValue
from tokens.keys.keyring import keyring
from tokens.revocation import snapshot

pytestmark = pytest.mark.django_db(transaction=True)


class Source:
    """A source that counts its calls, and returns or fails when the test allows it."""

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


def test_one_of_many_simultaneous_threads_loads() -> None:
    source = Source()
    source.go.set()
    keeper = CachedValue(source.take)
    assert race(*[keeper.current] * 8) == [1] * 8
    assert source.asked == 1


def test_threads_wait_once_for_a_failing_load() -> None:
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
    """Return a cached value whose source has just failed and would fail again."""
    source = Source()
    source.fails = True
    source.go.set()
    keeper = CachedValue(source.take)
    with pytest.raises(OperationalError):
        keeper.current()
    return source, keeper


def test_during_an_outage_one_thread_loads_and_none_waits() -> None:
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


def test_a_commit_ends_the_pause_after_a_failure() -> None:
    """Guards that after `invalidate` all threads wait for the one that loads."""
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
def test_all_threads_fail_within_one_attempt(
    api: API, alice: User, monkeypatch: pytest.MonkeyPatch, keeper: CachedValue[Any]
) -> None:
    """Guards that verifying a token holds no Python lock."""
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


def test_a_change_during_the_load_is_not_lost() -> None:
    """Guards that the changes are counted before the query."""
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


def test_the_age_of_a_snapshot_counts_from_its_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards that the time is read before the query, which may take long."""
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


def test_the_last_value_has_an_age_and_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape of the metrics must not load the snapshot."""
    now = [100.0]
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    source = Source()
    source.go.set()
    keeper = CachedValue(source.take)
    assert keeper.last() is None
    keeper.current()
    now[0] += 7
    assert (keeper.last(), source.asked) == ((1, 7.0), 1)


def test_the_age_is_that_of_a_fresh_value(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(cached_value, "monotonic", lambda: now[0])
    source = Source()
    source.go.set()
    keeper = CachedValue(source.take)
    assert (keeper.age(), source.asked) == (0.0, 1)
    now[0] += 7
    assert (keeper.age(), source.asked) == (7.0, 1)
    now[0] += 53
    assert (keeper.age(), source.asked) == (0.0, 2)
