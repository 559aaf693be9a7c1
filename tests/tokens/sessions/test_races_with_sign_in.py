"""A sign-in runs at the same time as a change of the account or a hash upgrade."""

from functools import partial
from threading import Event
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.test import Client

from accounts.models import User
from tests.conftest import API, PASSWORD
from tests.support.racing import (
    Outcome,
    outcome,
    race,
    refresh,
    sign_in,
)
from tests.tokens.sessions.revocations import (
    OLD_HASH,
    OTHER_HASH,
    Revocation,
    assert_refused,
    every_change,
    few_and_many_rounds,
    person,
    save_with,
    session_of,
)
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import Device, open_session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.trap(3)
@few_and_many_rounds
@every_change
def test_a_sign_in_during_a_change_leaves_no_active_session(
    revocation: Revocation, rounds: int, db: None
) -> None:
    """Guards the compare-and-swap on the user's row in lifecycle.open_session."""
    for number in range(rounds):
        alice = person(f"alice-{number}")

        def login(name: str = alice.username) -> Outcome | None:
            user = authenticate(username=name, password=PASSWORD)
            pair = open_session(user, Device()) if isinstance(user, User) else None
            return None if pair is None else outcome(pair)

        answers: list[Any] = race(login, login, partial(revocation.end, alice, []))
        assert not (revocation.immediate and DeviceSession.objects.active().exists())
        for answer in filter(None, answers[:2]):
            revocation.assert_revoked(answer)
        User.objects.all().delete()


@pytest.mark.trap(3)
@every_change
def test_a_password_verified_before_a_change_opens_no_session(
    revocation: Revocation, alice: User
) -> None:
    """Guards the compare-and-swap on the user's row in lifecycle.open_session."""
    verified = authenticate(username="alice", password=PASSWORD)
    assert isinstance(verified, User)
    revocation.end(alice, [])
    assert open_session(verified, Device()) is None
    assert not DeviceSession.objects.exists()


@pytest.mark.spec("ASVS 5.0", "2.3.4", "7.1.2")
@pytest.mark.trap(23, 56)
@few_and_many_rounds
def test_simultaneous_sign_ins_do_not_exceed_the_cap(
    rounds: int, alice: User, settings: LazySettings
) -> None:
    """Guards the order in lifecycle.open_session: it writes the user before it counts sessions."""
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": 3}

    def count_active() -> int:
        return DeviceSession.objects.filter(user=alice).active().count()

    def login() -> int:
        sign_in(alice)
        return count_active()

    for _ in range(rounds):
        assert max(race(*[login] * 8)) <= 3
        assert count_active() == 3


# The hash is upgraded while devices refresh


@pytest.mark.trap(14, 52)
@few_and_many_rounds
def test_a_hash_upgrade_keeps_refreshing_devices(rounds: int, db: None) -> None:
    """Guards the fresh read in rotation.consume and the re-binding in credentials.upgrade_hash."""
    for number in range(rounds):
        alice = person(f"alice-{number}", OLD_HASH)
        phone, laptop = sign_in(alice, "phone"), sign_in(alice, "laptop")
        done = Event()

        def device(first: Outcome, done: Event = done) -> Outcome:
            last = first
            while last.status == 200 and not done.is_set():
                last = refresh(last.refresh)
            return last

        def login(alice: User = alice, done: Event = done) -> Outcome:
            try:
                pair = API(Client()).login(alice, "tablet")
            finally:
                done.set()
            return Outcome(200, pair["refresh"], session=pair["session"])

        for answer in race(partial(device, phone), partial(device, laptop), login):
            assert answer.status == 200
            assert refresh(answer.refresh).status == 200
            assert session_of(answer).revoked_at is None
        alice.refresh_from_db()
        assert alice.password.startswith("argon2")


@few_and_many_rounds
def test_simultaneous_sign_ins_with_an_outdated_hash_all_succeed(rounds: int, db: None) -> None:
    """Guards the fresh read in credentials.upgrade_hash after a lost compare-and-swap."""
    for number in range(rounds):
        alice = person(f"alice-{number}", OLD_HASH)
        pairs = race(*[partial(API(Client()).login, alice) for _ in range(4)])
        for pair in pairs:
            assert refresh(pair["refresh"]).status == 200


@pytest.mark.trap(14)
@few_and_many_rounds
def test_a_hash_upgrade_never_undoes_a_password_change(rounds: int, db: None) -> None:
    """Guards `password=old` in credentials.swap_password_hash."""
    for number in range(rounds):
        alice = person(f"alice-{number}", OLD_HASH)
        first = sign_in(alice)
        race(
            partial(authenticate, username=alice.username, password=PASSWORD),
            partial(save_with, alice, password=OTHER_HASH),
        )
        alice.refresh_from_db()
        assert alice.password == OTHER_HASH
        assert_refused(first, Reason.CREDENTIALS_CHANGED)
