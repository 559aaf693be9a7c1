"""One process counts by itself, in bounded memory."""

import sys
from threading import active_count
from time import time

import pytest

from tests.conftest import Clock
from tests.support.racing import race
from tokens.http import counters

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]


def test_a_window_ends_as_in_redis(clock: Clock) -> None:
    storage = counters.ProcessStorage()
    assert (storage.get("a"), storage.get_expiry("a")) == (0, time())
    assert [storage.incr("a", 60) for _ in range(3)] == [1, 2, 3]
    ends_at = time() + 60
    clock.forward(seconds=59)
    assert (storage.incr("a", 60), storage.get_expiry("a")) == (4, ends_at)
    assert storage.get("a") == 4
    clock.forward(seconds=1)
    assert (storage.get("a"), storage.get_expiry("a")) == (0, time())
    assert storage.incr("a", 60, amount=2) == 2
    storage.clear("a")
    storage.clear("a")
    assert storage.get("a") == 0
    assert storage.check()
    assert storage.base_exceptions == ()  # It never fails.
    assert (storage.incr("b", 60), storage.reset(), storage.reset()) == (1, 1, 0)


def test_counting_starts_no_thread() -> None:
    storage = counters.ProcessStorage()
    before = active_count()
    for number in range(1000):
        storage.incr(str(number), 60)
    assert active_count() == before


@pytest.fixture
def room_for_eight(monkeypatch: pytest.MonkeyPatch) -> counters.ProcessStorage:
    monkeypatch.setattr(counters, "MAX_COUNTERS", 8)
    monkeypatch.setattr(counters, "KEPT_COUNTERS", 6)
    return counters.ProcessStorage()


def test_the_number_of_counters_is_limited(
    room_for_eight: counters.ProcessStorage,
) -> None:
    for number in range(100):
        room_for_eight.incr(str(number), 60)
        assert len(room_for_eight._windows) <= 8


@pytest.mark.trap(46)
def test_other_counters_do_not_evict_a_guessed_account(
    room_for_eight: counters.ProcessStorage,
) -> None:
    """Guards that counters with few hits are removed first, even if they are new."""
    for _ in range(3):
        room_for_eight.incr("alice", 60)
    for number in range(100):
        room_for_eight.incr(str(number), 900)
        room_for_eight.incr(str(number), 900)
    assert room_for_eight.get("alice") == 3


def test_ended_windows_are_removed_before_others(
    room_for_eight: counters.ProcessStorage, clock: Clock
) -> None:
    for number in range(4):
        for _ in range(5):
            room_for_eight.incr(f"short {number}", 60)
        room_for_eight.incr(f"long {number}", 600)
    clock.forward(seconds=61)
    room_for_eight.incr("another", 60)
    assert [room_for_eight.get(f"long {number}") for number in range(4)] == [1, 1, 1, 1]
    assert len(room_for_eight._windows) == 5


def test_a_restarted_counter_needs_no_room(
    room_for_eight: counters.ProcessStorage, clock: Clock
) -> None:
    for number in range(8):
        room_for_eight.incr(str(number), 60 if number else 30)
    clock.forward(seconds=31)
    assert room_for_eight.incr("0", 60) == 1
    assert [room_for_eight.get(str(number)) for number in range(8)] == [1] * 8


def test_no_hit_is_lost_among_threads() -> None:
    storage, interval = counters.ProcessStorage(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        race(*[lambda: [storage.incr("a", 600) for _ in range(150_000)]] * 4)
    finally:
        sys.setswitchinterval(interval)
    assert storage.get("a") == 600_000
