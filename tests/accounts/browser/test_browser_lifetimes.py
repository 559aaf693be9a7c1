"""A browser's session expires when it is idle, and on its last day at the latest."""

from datetime import timedelta

import pytest
from django.conf import settings as shipped
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import NEW_HASH
from tests.conftest import API, Clock
from tests.support.visits import Browser
from tokens.models import DeviceSession, Reason
from tokens.sessions.standing import record_use, verify_browser_session

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]


@pytest.mark.spec("ASVS 5.0", "7.3.2")
def test_a_sign_in_without_remember_me_lasts_twelve_hours(alice: User, clock: Clock) -> None:
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
def test_a_remembered_sign_in_lasts_until_its_absolute_limit(alice: User, clock: Clock) -> None:
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


def test_an_unused_remembered_sign_in_expires(alice: User, clock: Clock) -> None:
    laptop = Browser()
    laptop.sign_in(remember="yes")
    clock.forward(days=14)
    assert laptop.name == ""
    assert DeviceSession.objects.get().revoked_at is None


def test_the_use_is_recorded_once_a_day(laptop: Browser, clock: Clock) -> None:
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


@pytest.fixture
def half_an_hour(settings: Settings) -> None:
    """A session expires if it is not used for half an hour."""
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "REFRESH_TOKEN_LIFETIME": timedelta(minutes=30)}


@pytest.mark.usefixtures("half_an_hour")
def test_the_use_is_recorded_more_often_for_short_idle_limits(
    laptop: Browser, clock: Clock
) -> None:
    laptop.sign_in(remember="yes")
    for _ in range(20):
        clock.forward(minutes=10)
        assert laptop.name == "alice"
    clock.forward(minutes=30)
    assert laptop.name == ""


@pytest.mark.usefixtures("half_an_hour")
def test_the_use_is_recorded_after_a_tenth_of_the_idle_limit(laptop: Browser, clock: Clock) -> None:
    clock.traveller.move_to(timezone.now().replace(hour=8))
    laptop.sign_in(remember="yes")
    begun = laptop.row
    clock.forward(seconds=179)
    assert laptop.row.rotated_at == begun.rotated_at
    clock.forward(seconds=1)
    assert laptop.row.rotated_at == timezone.now()


def test_one_of_many_simultaneous_requests_records_the_use(laptop: Browser, clock: Clock) -> None:
    sid = laptop.row.sid
    clock.forward(hours=5)
    DeviceSession.objects.update(rotated_at=timezone.now() - timedelta(days=1))
    first, second = verify_browser_session(sid), verify_browser_session(sid)
    assert first is not None
    assert second is not None
    assert [record_use(first), record_use(second)] == [True, False]


def test_the_use_of_one_browser_is_not_the_use_of_another(alice: User, clock: Clock) -> None:
    """Guards the primary key in standing.record_use: both signed in at the same time."""
    laptop, tablet = Browser(), Browser()
    for browser in (laptop, tablet):
        browser.sign_in(remember="yes")
    begun = tablet.row
    clock.forward(days=1)
    assert laptop.name == "alice"
    assert DeviceSession.objects.get(pk=begun.pk).rotated_at == begun.rotated_at


def test_recording_the_use_neither_revives_nor_rebinds(laptop: Browser, clock: Clock) -> None:
    seen = verify_browser_session(laptop.row.sid)
    assert seen is not None
    User.objects.update(password=NEW_HASH)
    clock.forward(days=1)
    record_use(seen)
    assert DeviceSession.objects.get().revoked_reason == Reason.CREDENTIALS_CHANGED
    assert laptop.name == ""


def test_a_sign_in_beyond_the_cap_evicts_the_oldest_browser(
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
