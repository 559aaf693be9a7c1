"""A password change gives this device a new pair and revokes every older session."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.models import Session
from django.db import transaction

from accounts import changes
from accounts.errors import SessionEndedError, WrongPasswordError
from accounts.models import User
from tests.accounts.conftest import (
    NEW_HASH,
    NEW_PASSWORD,
    Account,
    caller,
    execute_sql,
    post_office,
)
from tests.conftest import API, PASSWORD, Clock, row
from tests.support.racing import race
from tokens.jwt.claims import AccessToken
from tokens.models import DeviceSession, Event, EventKind, Reason
from tokens.sessions.credentials import rebind, swap_password_hash
from tokens.sessions.lifecycle import Device, open_session

pytestmark = pytest.mark.django_db(transaction=True)

PBKDF2 = PBKDF2PasswordHasher().encode(PASSWORD, "s" * 22, 1_000)


@pytest.mark.spec("ASVS 5.0", "6.2.2", "6.2.3", "7.4.3")
def test_a_change_opens_a_session_and_revokes_all_others(
    api: API, account: Account, alice: User, bob: User
) -> None:
    phone, laptop, other = api.login(alice, "phone"), api.login(alice, "laptop"), api.login(bob)
    answer = account.change_password(phone["access"], PASSWORD)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    pair = answer.json()
    assert set(pair) == set(phone)
    assert pair["session"] != phone["session"]
    for old in (phone, laptop):
        assert row(old).revoked_reason == Reason.CREDENTIALS_CHANGED
        assert api.refresh(old["refresh"]).status_code == 401
        assert account.get(bearer=old["access"]).status_code == 401
    assert account.get(bearer=pair["access"]).status_code == 200
    api.rotated(api.rotated(pair["refresh"])["refresh"])
    api.rotated(other["refresh"])
    for password, status in ((PASSWORD, 401), (NEW_PASSWORD, 200)):
        signed_in = api.post("login/", {"username": "alice", "password": password})
        assert signed_in.status_code == status


def test_the_new_session_keeps_the_device_and_renews_auth_time(
    api: API, account: Account, alice: User, clock: Clock
) -> None:
    body = {"username": "alice", "password": PASSWORD, "device": "phone"}
    phone = api.post("login/", body, **{"User-Agent": "Ace/1.0"}).json()
    clock.forward(minutes=3)
    pair = account.change_password(phone["access"], PASSWORD).json()
    old, new = row(phone), row(pair)
    assert (new.device, new.ip_address, new.user_agent) == ("phone", "127.0.0.1", "Ace/1.0")
    assert (new.auth_time - old.auth_time).total_seconds() == 180
    assert new.generation == 1


def test_a_wrong_current_password_is_a_400_that_changes_nothing(
    api: API, account: Account, alice: User
) -> None:
    phone = api.login(alice)
    answer = account.change_password(phone["access"], "wrong")
    assert answer.status_code == 400
    assert answer.json() == {"current_password": ["This is not the current password."]}
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    api.rotated(phone["refresh"])
    assert post_office() == []


@pytest.mark.spec("ASVS 5.0", "6.2.4", "6.2.11")
@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (PASSWORD, "This is the current password."),
        ("short", "too short"),
        ("password123", "too common"),
        ("alice@example.org", "too similar"),
        ("latchkey1", "this site's"),
        ("a" * 1025, "at most 1024"),
    ],
    ids=["the same", "short", "common", "similar", "site", "long"],
)
def test_a_weak_password_is_refused_with_the_reason(
    api: API, account: Account, alice: User, new: str, sentence: str
) -> None:
    phone = api.login(alice)
    answer = account.change_password(phone["access"], PASSWORD, new)
    assert answer.status_code == 400
    assert sentence in " ".join(answer.json()["new_password"])
    assert row(phone).revoked_at is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"current_password": PASSWORD},
        {"new_password": NEW_PASSWORD},
        {"current_password": PASSWORD, "new_password": None},
        {"current_password": PASSWORD, "new_password": [NEW_PASSWORD]},
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD + "\0"},
    ],
    ids=str,
)
def test_a_body_without_two_passwords_is_400(
    api: API, account: Account, alice: User, body: Any
) -> None:
    phone = api.login(alice)
    assert account.post("password/", body, bearer=phone["access"]).status_code == 400
    assert row(phone).revoked_at is None


@pytest.mark.trap(16)
def test_a_change_sets_no_cookie_and_no_browser_session(
    api: API, account: Account, alice: User
) -> None:
    phone = api.login(alice)
    answer = account.change_password(phone["access"], PASSWORD)
    assert not answer.cookies
    assert not Session.objects.exists()
    assert DeviceSession.objects.active().count() == 1


@pytest.mark.trap(55)
def test_a_change_refuses_older_tokens_of_the_same_second(
    api: API, account: Account, alice: User, clock: Clock
) -> None:
    """All tokens have the same `iat`, so a time could not distinguish them."""
    phone = api.login(alice)
    new = account.change_password(phone["access"], PASSWORD).json()
    assert AccessToken(new["access"])["iat"] == AccessToken(phone["access"])["iat"]
    assert account.get(bearer=phone["access"]).status_code == 401
    assert account.get(bearer=new["access"]).status_code == 200
    assert api.refresh(phone["refresh"]).status_code == 401
    api.rotated(new["refresh"])


@pytest.mark.trap(14)
def test_a_hash_upgrade_keeps_sessions_and_the_new_password(account: Account, alice: User) -> None:
    """The hash is upgraded whenever the current password is verified, also just before a change."""
    User.objects.filter(pk=alice.pk).update(password=PBKDF2)
    alice.refresh_from_db()
    phone, laptop = (open_session(alice, Device()) for _ in range(2))
    assert phone is not None
    assert laptop is not None
    body = {"email": "alice@example.net", "current_password": PASSWORD}
    assert account.patch(body, bearer=str(phone.access)).status_code == 200
    alice.refresh_from_db()
    assert alice.password.startswith("argon2$")
    assert account.get(bearer=str(laptop.access)).status_code == 200
    with transaction.atomic():
        swap_password_hash(User.objects.all(), alice.password, PBKDF2)
        rebind(alice, old_hash=alice.password, new_hash=PBKDF2)
    assert account.change_password(str(laptop.access), PASSWORD).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert DeviceSession.objects.active().count() == 1


def test_a_password_changed_after_verification_is_kept(api: API, alice: User) -> None:
    """Guards the old hash in the WHERE of `swap_password_hash`."""
    phone = api.login(alice)
    verified = User.objects.get(pk=alice.pk)
    assert verified.check_password(PASSWORD)
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)
    with pytest.raises(WrongPasswordError):
        changes.change_password(
            caller(verified, phone["session"]),
            current=PASSWORD,
            new="ten tall herons",
        )
    alice.refresh_from_db()
    assert alice.password == NEW_HASH


@pytest.mark.spec("ASVS 5.0", "2.3.3")
def test_a_session_revoked_during_a_change_changes_nothing(api: API, alice: User) -> None:
    phone = api.login(alice)
    verified = User.objects.get(pk=alice.pk)
    api.post("logout/", {"refresh": phone["refresh"]})
    with pytest.raises(SessionEndedError):
        changes.change_password(
            caller(verified, phone["session"]),
            current=PASSWORD,
            new=NEW_PASSWORD,
        )
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert not DeviceSession.objects.active().exists()
    assert post_office() == []


@pytest.mark.spec("ASVS 5.0", "2.3.3")
def test_a_session_expired_during_a_change_changes_nothing(
    api: API, alice: User, clock: Clock
) -> None:
    phone = caller(alice, api.login(alice)["session"])
    clock.forward(days=14)
    with pytest.raises(SessionEndedError):
        changes.change_password(phone, current=PASSWORD, new=NEW_PASSWORD)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert not DeviceSession.objects.active().exists()
    assert post_office() == []


@pytest.mark.spec("ASVS 5.0", "2.3.4")
def test_one_of_two_simultaneous_changes_succeeds(api: API, account: Account, alice: User) -> None:
    """Guards the check that the change revoked this device's session."""
    devices = [api.login(alice) for _ in range(4)]

    callers = [
        partial(account.change_password, device["access"], PASSWORD, f"{number} tall herons")
        for number, device in enumerate(devices)
    ]
    codes = sorted(answer.status_code for answer in race(*callers))
    assert codes[0] == 200
    assert set(codes[1:]) <= {400, 401}
    assert DeviceSession.objects.active().count() == 1
    assert len(post_office()) == 1


@pytest.mark.spec("ASVS 5.0", "6.3.7")
def test_a_password_change_is_notified_by_mail(api: API, account: Account, alice: User) -> None:
    account.change_password(api.login(alice)["access"], PASSWORD)
    (notice,) = post_office()
    assert (notice.to, notice.subject) == (["alice@example.org"], "Your password was changed")
    assert "alice" in notice.body


def test_a_password_change_is_an_event(api: API, account: Account, alice: User) -> None:
    account.change_password(api.login(alice)["access"], PASSWORD)
    events = Event.objects.filter(kind=EventKind.PASSWORD_CHANGED)
    assert [event.user_id for event in events] == [alice.pk]
