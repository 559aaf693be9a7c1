"""A browser is signed in as long as its device session lives, and the list of devices shows it."""

import math
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as shipped
from django.contrib.auth import alogin, alogout
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.browser.middleware import AuthenticationMiddleware
from accounts.browser.sessiondata.database import SessionStore
from accounts.browser.sign_in import SignInOvertakenError, change_password, device_session, sign_in
from accounts.models import User
from tests.accounts.conftest import NEW_HASH, NEW_PASSWORD, Account, execute_sql, post_office
from tests.conftest import API, PASSWORD, Clock, Listen, row
from tests.support.visits import Browser
from tokens import signals
from tokens.models import DeviceSession, Kind, Reason
from tokens.sessions.lifecycle import revoke_sessions
from tokens.sessions.standing import record_use, verify_browser_session

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]

PBKDF2 = PBKDF2PasswordHasher().encode(PASSWORD, "s" * 22, 1_000)
OLD_KEY, NEW_KEY = shipped.SECRET_KEY, "another-" + "k" * 50


@pytest.fixture
def laptop(alice: User) -> Browser:
    """A browser in which alice is signed in."""
    laptop = Browser()
    assert laptop.sign_in().status_code == 204
    return laptop


@pytest.mark.spec("ASVS 5.0", "14.3.2")
def test_a_page_that_shows_the_user_is_not_cached(laptop: Browser) -> None:
    """Guards AuthenticationMiddleware.process_response: no view or decorator sets the header."""
    page = laptop.client.get("/greet/")
    assert (page.content, page["Cache-Control"]) == (b"Hello, alice!", "no-store")
    assert "Cache-Control" not in laptop.client.get("/idle/")
    assert "Cache-Control" not in Client().get("/greet/")


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_begins_a_session_of_the_list(api: API, alice: User, heard: Listen) -> None:
    begun = heard(signals.session_started)
    laptop = Browser(Client(headers={"User-Agent": "Lynx/2.9"}))
    laptop.sign_in()
    session = laptop.row
    assert laptop.name == "alice"
    assert (session.user, session.kind, session.user_agent) == (alice, Kind.BROWSER, "Lynx/2.9")
    assert session.ip_address == "127.0.0.1"
    alice.refresh_from_db()
    assert alice.last_login == session.auth_time
    phone = api.login(alice)
    listed = api.get("sessions/", bearer=phone["access"]).json()
    assert [(entry["kind"], entry["current"]) for entry in listed] == [
        ("token", True),
        ("browser", False),
    ]
    assert [event["session"].sid for event in begun] == [session.sid, row(phone).sid]


def test_the_admin_believes_the_same_row(laptop: Browser, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert laptop.client.get("/admin/").status_code == 200
    DeviceSession.objects.all().revoke(Reason.ADMIN)
    assert laptop.client.get("/admin/").status_code == 302


@pytest.mark.spec("ASVS 5.0", "7.2.1", "7.2.2", "7.2.3")
def test_a_cookie_is_a_secret_of_its_own_that_means_nothing_elsewhere(alice: User) -> None:
    keys = set()
    for _ in range(3):
        laptop = Browser()
        laptop.sign_in()
        keys.add(laptop.key)
        assert re.fullmatch("[a-z0-9]{32}", laptop.key)
    assert len(keys) == 3
    assert 32 * math.log2(36) >= 128  # bits


@pytest.mark.django_db(transaction=True)
@pytest.mark.spec("ASVS 5.0", "7.4.1")
def test_signing_out_ends_it_and_forgets_the_data(laptop: Browser, heard: Listen) -> None:
    ended, session, key = heard(signals.session_ended), laptop.row, laptop.key
    answer = laptop.client.post("/leave/")
    assert answer.cookies[shipped.SESSION_COOKIE_NAME]["max-age"] == 0
    session.refresh_from_db()
    assert session.revoked_reason == Reason.LOGOUT
    assert [event["session"].sid for event in ended] == [session.sid]
    assert not Session.objects.exists()
    laptop.client.cookies[shipped.SESSION_COOKIE_NAME] = key
    assert laptop.name == ""


@pytest.mark.spec("ASVS 5.0", "7.2.4")
@pytest.mark.parametrize("next_user", ["alice", "bob"])
def test_signing_in_again_ends_the_session_so_far_and_changes_the_cookie(
    laptop: Browser, bob: User, next_user: str
) -> None:
    """Guards the ending in `flush`, by which Django forgets a browser of somebody else."""
    key, before = laptop.key, laptop.row
    laptop.sign_in(next_user)
    before.refresh_from_db()
    assert before.revoked_reason == Reason.LOGOUT
    assert laptop.key != key
    assert (laptop.name, laptop.row.pk != before.pk) == (next_user, True)
    stale = Browser()
    stale.client.cookies[shipped.SESSION_COOKIE_NAME] = key
    assert stale.name == ""


@pytest.mark.spec("ASVS 5.0", "7.2.4")
def test_a_cookie_from_before_the_sign_in_is_worth_nothing_after_it(alice: User) -> None:
    visitor = Browser()
    planted = visitor.client.session
    planted["basket"] = "full"
    planted.save()
    visitor.client.cookies[shipped.SESSION_COOKIE_NAME] = str(planted.session_key)
    visitor.sign_in()
    assert visitor.key != planted.session_key
    thief = Browser()
    thief.client.cookies[shipped.SESSION_COOKIE_NAME] = str(planted.session_key)
    assert (thief.name, visitor.name) == ("", "alice")


def by_the_api(api: API, alice: User, sid: str) -> None:
    bearer = api.login(alice)["access"]
    assert api.delete(f"sessions/{sid}/", bearer=bearer).status_code == 204


def by_signing_out_the_others(api: API, alice: User, sid: str) -> None:
    assert api.post("logout/others/", bearer=api.login(alice)["access"]).json() == {"ended": 1}


def by_deactivation(api: API, alice: User, sid: str) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def by_deactivation_in_sql(api: API, alice: User, sid: str) -> None:
    execute_sql("UPDATE accounts_user SET is_active = %s WHERE username = 'alice'", False)


def by_another_password(api: API, alice: User, sid: str) -> None:
    User.objects.filter(pk=alice.pk).update(password=NEW_HASH)


def by_another_password_in_sql(api: API, alice: User, sid: str) -> None:
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)


def by_another_name_in_sql(api: API, alice: User, sid: str) -> None:
    execute_sql("UPDATE accounts_user SET username = %s WHERE username = 'alice'", "alicia")


def by_deletion(api: API, alice: User, sid: str) -> None:
    User.objects.get(pk=alice.pk).delete()


ENDS: dict[Callable[[API, User, str], None], Reason] = {
    by_the_api: Reason.LOGOUT,
    by_signing_out_the_others: Reason.LOGOUT_ALL,
    by_deactivation: Reason.DEACTIVATED,
    by_deactivation_in_sql: Reason.DEACTIVATED,
    by_another_password: Reason.CREDENTIALS_CHANGED,
    by_another_password_in_sql: Reason.CREDENTIALS_CHANGED,
    by_another_name_in_sql: Reason.CREDENTIALS_CHANGED,
    by_deletion: Reason.DELETED,
}


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.2", "7.4.3")
@pytest.mark.parametrize(
    ("end", "reason"), ENDS.items(), ids=[end.__name__.replace("_", " ") for end in ENDS]
)
def test_an_end_from_elsewhere_signs_the_browser_out_at_its_next_request(
    api: API, laptop: Browser, alice: User, end: Callable[[API, User, str], None], reason: Reason
) -> None:
    session = laptop.row
    end(api, alice, str(session.sid))
    assert laptop.name == ""
    assert not Session.objects.exists()
    session.refresh_from_db()
    assert session.revoked_reason == reason


@pytest.mark.parametrize("sid", ["00000000-0000-4000-8000-000000000000", "of the phone"])
def test_data_that_names_no_session_of_a_browser_signs_nobody_in(
    api: API, laptop: Browser, alice: User, sid: str
) -> None:
    phone = api.login(alice)
    data = laptop.client.session
    data["_device_session"] = phone["session"] if sid == "of the phone" else sid
    data.save()
    assert laptop.name == ""
    api.rotated(phone["refresh"])


def test_data_of_a_sign_in_from_before_device_sessions_signs_nobody_in(alice: User) -> None:
    visitor = Browser()
    data = visitor.client.session
    data["_auth_user_id"] = str(alice.pk)
    data.save()
    visitor.client.cookies[shipped.SESSION_COOKIE_NAME] = str(data.session_key)
    assert visitor.name == ""


def test_looking_costs_one_query_for_the_data_and_one_for_the_row_with_its_user(
    laptop: Browser,
) -> None:
    laptop.client.get("/who/")
    with CaptureQueriesContext(connection) as captured:
        laptop.client.get("/who/")
    assert len(captured) == 2, captured.captured_queries
    with CaptureQueriesContext(connection) as captured:
        laptop.client.get("/idle/")
    assert len(captured) == 0


@pytest.mark.spec("ASVS 5.0", "7.3.2")
def test_a_sign_in_that_is_not_to_be_remembered_is_over_after_twelve_hours(
    alice: User, clock: Clock
) -> None:
    laptop = Browser()
    answer = laptop.sign_in(remember="no")
    cookie = answer.cookies[shipped.SESSION_COOKIE_NAME]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    for _ in range(3):
        clock.forward(hours=3, minutes=59)
        assert laptop.name == "alice"
    clock.forward(minutes=4)
    assert laptop.name == ""


@pytest.mark.spec("ASVS 5.0", "7.3.1", "7.3.2")
def test_a_remembered_sign_in_lives_while_it_is_used_until_its_last_day(
    alice: User, clock: Clock
) -> None:
    laptop = Browser()
    cookie = laptop.sign_in(remember="yes").cookies[shipped.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == 90 * 24 * 3600
    for _ in range(6):
        clock.forward(days=13)
        assert laptop.name == "alice"
    ends_at = laptop.row.expires_at
    assert laptop.row.ends_at == ends_at
    clock.forward(days=11, hours=23)
    assert laptop.name == "alice"
    clock.forward(hours=1)
    assert laptop.name == ""


def test_a_remembered_sign_in_that_is_not_used_runs_out(alice: User, clock: Clock) -> None:
    laptop = Browser()
    laptop.sign_in(remember="yes")
    clock.forward(days=14)
    assert laptop.name == ""
    assert DeviceSession.objects.get().revoked_at is None


def test_use_is_noted_once_a_day(laptop: Browser, clock: Clock) -> None:
    laptop.sign_in(remember="yes")
    clock.traveller.move_to(timezone.now().replace(hour=8))
    laptop.sign_in(remember="yes")
    begun = laptop.row
    clock.forward(hours=15)
    assert laptop.row.rotated_at == begun.rotated_at
    clock.forward(hours=2)
    noted = laptop.row
    assert noted.rotated_at == timezone.now()
    assert noted.idle_expires_at == noted.rotated_at + timedelta(days=14)
    assert noted.expires_at == begun.expires_at
    clock.forward(hours=1)
    assert laptop.row.rotated_at == noted.rotated_at


def test_use_is_noted_more_often_where_idle_sessions_run_out_sooner(
    laptop: Browser, clock: Clock, settings: Settings
) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "REFRESH_TOKEN_LIFETIME": timedelta(minutes=30)}
    laptop.sign_in(remember="yes")
    for _ in range(20):
        clock.forward(minutes=10)
        assert laptop.name == "alice"
    clock.forward(minutes=30)
    assert laptop.name == ""


def test_of_simultaneous_requests_one_notes_the_use(laptop: Browser, clock: Clock) -> None:
    sid = laptop.row.sid
    clock.forward(hours=5)
    DeviceSession.objects.update(rotated_at=timezone.now() - timedelta(days=1))
    first, second = verify_browser_session(sid), verify_browser_session(sid)
    assert first is not None
    assert second is not None
    assert [record_use(first), record_use(second)] == [True, False]


def test_noting_the_use_revives_no_session_and_binds_it_to_no_other_password(
    laptop: Browser, clock: Clock
) -> None:
    seen = verify_browser_session(laptop.row.sid)
    assert seen is not None
    User.objects.update(password=NEW_HASH)
    clock.forward(days=1)
    record_use(seen)
    assert DeviceSession.objects.get().revoked_reason == Reason.CREDENTIALS_CHANGED
    assert laptop.name == ""


@pytest.mark.trap(14)
def test_noting_the_use_undoes_no_upgrade_of_the_hash_that_came_between(alice: User) -> None:
    """Guards the tag in the WHERE of sessions.record_use."""
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
def test_an_upgrade_of_the_hash_signs_no_other_browser_out(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(password=PBKDF2)
    laptop = Browser()
    laptop.client.force_login(User.objects.get(pk=alice.pk))
    tablet = Browser()
    tablet.sign_in()
    assert User.objects.get(pk=alice.pk).password.startswith("argon2$")
    assert (laptop.name, tablet.name) == ("alice", "alice")


def test_a_new_secret_key_signs_no_browser_out_that_is_used_before_the_old_one_goes(
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


def test_a_sign_in_too_many_evicts_the_browser_used_longest_ago(
    api: API, alice: User, laptop: Browser, clock: Clock, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "SESSIONS_PER_USER": 2}
    session = laptop.row
    clock.forward(minutes=1)
    api.login(alice)
    tablet = Browser()
    tablet.sign_in()
    assert (laptop.name, tablet.name) == ("", "alice")
    session.refresh_from_db()
    assert session.revoked_reason == Reason.EVICTED


@pytest.mark.trap(3)
def test_a_password_changed_since_it_was_verified_signs_nobody_in(alice: User) -> None:
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
def test_a_changed_password_keeps_this_browser_in_a_new_session_and_no_other(
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


def test_without_a_sign_in_no_password_is_changed(alice: User) -> None:
    refused = Browser().client.post("/change/", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert refused.status_code == 403
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_browser_signed_out_meanwhile_changes_no_password(laptop: Browser, alice: User) -> None:
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
def test_a_program_that_changes_its_password_gets_no_browser_session(
    api: API, account: Account, alice: User
) -> None:
    changed = account.change_password(api.login(alice)["access"], PASSWORD)
    assert not changed.cookies
    assert not DeviceSession.objects.filter(kind=Kind.BROWSER).exists()


def test_asynchronous_code_signs_in_and_out_alike(alice: User) -> None:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    AuthenticationMiddleware(lambda request: None).process_request(request)  # type: ignore[arg-type]
    assert not async_to_sync(request.auser)().is_authenticated

    async def in_and_out() -> list[str]:
        await alogin(request, alice)
        names = [(await request.auser()).get_username()]
        await request.session.asave()
        await alogout(request)
        return names

    assert async_to_sync(in_and_out)() == ["alice"]
    assert DeviceSession.objects.get().revoked_reason == Reason.LOGOUT
    assert not Session.objects.exists()


def test_nothing_but_the_row_notes_the_last_sign_in() -> None:
    receivers = [str(lookup[0]) for lookup, *_ in user_logged_in.receivers]
    assert not [name for name in receivers if "update_last_login" in name]
