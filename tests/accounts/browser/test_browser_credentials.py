"""A browser's session is bound to the password; it survives a hash upgrade and a new secret key."""

from datetime import timedelta

import pytest
from django.conf import settings as shipped
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import Settings

from accounts.browser.sessiondata.database import SessionStore
from accounts.browser.sign_in import SignInOvertakenError, change_password, device_session, sign_in
from accounts.models import User
from tests.accounts.conftest import NEW_HASH, NEW_PASSWORD, Account, post_office
from tests.conftest import API, PASSWORD, Clock
from tests.support.visits import Browser
from tokens.models import DeviceSession, Kind, Reason
from tokens.sessions.lifecycle import revoke_sessions
from tokens.sessions.standing import record_use, verify_browser_session

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]

PBKDF2 = PBKDF2PasswordHasher().encode(PASSWORD, "s" * 22, 1_000)
OLD_KEY, NEW_KEY = shipped.SECRET_KEY, "another-" + "k" * 50


@pytest.mark.trap(14)
def test_recording_the_use_keeps_a_simultaneous_hash_upgrade(alice: User) -> None:
    """Guards the tag in the WHERE of standing.record_use."""
    User.objects.filter(pk=alice.pk).update(password=PBKDF2)
    alice.refresh_from_db()
    laptop = Browser()
    laptop.client.force_login(alice)
    sid = laptop.row.sid
    DeviceSession.objects.update(rotated_at=timezone.now() - timedelta(days=1))
    seen = verify_browser_session(sid)
    assert seen is not None
    assert alice.check_password(PASSWORD)
    noted = record_use(seen)
    assert (noted, laptop.name) == (False, "alice")


@pytest.mark.trap(14)
def test_a_hash_upgrade_keeps_other_browsers_signed_in(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(password=PBKDF2)
    laptop = Browser()
    laptop.client.force_login(User.objects.get(pk=alice.pk))
    tablet = Browser()
    tablet.sign_in()
    assert User.objects.get(pk=alice.pk).password.startswith("argon2$")
    assert (laptop.name, tablet.name) == ("alice", "alice")


def test_a_browser_whose_user_is_gone_is_signed_out(laptop: Browser) -> None:
    """Guards that a deleted user counts as inactive: raw SQL deletes a user without signals."""
    DeviceSession.objects.update(user=None)
    assert laptop.name == ""
    assert DeviceSession.objects.get().revoked_reason == Reason.DEACTIVATED


def test_a_used_browser_survives_a_new_secret_key(
    alice: User, clock: Clock, settings: Settings
) -> None:
    laptop, shelved = Browser(), Browser()
    laptop.sign_in(remember="yes")
    shelved.sign_in(remember="yes")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [OLD_KEY]
    assert laptop.name == "alice"
    clock.forward(days=1)
    assert laptop.name == "alice"
    settings.SECRET_KEY_FALLBACKS = []
    assert (laptop.name, shelved.name) == ("alice", "")


@pytest.mark.trap(3)
def test_a_password_changed_after_verification_opens_no_session(alice: User) -> None:
    verified = User.objects.get(pk=alice.pk)
    User.objects.filter(pk=alice.pk).update(password=NEW_HASH)
    request = RequestFactory().get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    with pytest.raises(SignInOvertakenError):
        sign_in(request, verified, remember=True)
    assert not request.user.is_authenticated
    assert request.session.is_empty()
    assert not DeviceSession.objects.exists()


@pytest.mark.trap(16)
@pytest.mark.spec("ASVS 5.0", "7.4.3", "7.2.4")
@pytest.mark.parametrize("remember", ["yes", "no"])
def test_a_password_change_keeps_only_this_browser_signed_in(
    api: API, alice: User, remember: str
) -> None:
    laptop, tablet, phone = Browser(), Browser(), api.login(alice)
    laptop.sign_in(remember=remember)
    tablet.sign_in()
    key, before = laptop.key, laptop.row
    changed = laptop.client.post("/change/", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert changed.status_code == 204
    assert (laptop.name, tablet.name) == ("alice", "")
    after = laptop.row
    assert after.pk != before.pk
    assert laptop.key != key
    assert after.expires_at - after.created_at == before.expires_at - before.created_at
    assert bool(changed.cookies[shipped.SESSION_COOKIE_NAME]["max-age"]) == (remember == "yes")
    assert api.refresh(phone["refresh"]).status_code == 401
    before.refresh_from_db()
    assert before.revoked_reason == Reason.CREDENTIALS_CHANGED
    assert [message.subject for message in post_office()] == ["Your password was changed"]


def test_a_wrong_current_password_changes_nothing(laptop: Browser, alice: User) -> None:
    wrong = laptop.client.post("/change/", {"current": "wrong", "new": NEW_PASSWORD})
    assert (wrong.status_code, laptop.name) == (400, "alice")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_an_anonymous_browser_changes_no_password(alice: User) -> None:
    refused = Browser().client.post("/change/", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert refused.status_code == 403
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_browser_revoked_during_a_change_changes_nothing(laptop: Browser, alice: User) -> None:
    request = HttpRequest()
    request.session = laptop.client.session
    assert device_session(request) is not None
    revoke_sessions([alice.pk], Reason.LOGOUT)
    with pytest.raises(PermissionDenied):
        change_password(request, current=PASSWORD, new=NEW_PASSWORD)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert not DeviceSession.objects.active().exists()


@pytest.mark.trap(16)
def test_a_password_change_by_the_api_opens_no_browser_session(
    api: API, account: Account, alice: User
) -> None:
    changed = account.change_password(api.login(alice)["access"], PASSWORD)
    assert not changed.cookies
    assert not DeviceSession.objects.filter(kind=Kind.BROWSER).exists()
