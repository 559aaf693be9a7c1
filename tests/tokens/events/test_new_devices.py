"""A sign-in is from a new device if its label, browser and network were not used before."""

from functools import partial

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import post_office
from tests.conftest import API, HASHED, Clock, Listen, allow
from tests.support.people import FIREFOX, IPHONE, signed_in
from tests.support.racing import race
from tests.tokens.events.conftest import forget, kinds, only
from tokens import signals
from tokens.models import EventKind
from tokens.sessions.lifecycle import Device, open_session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("ASVS 5.0", "6.3.5")]

FIRST = Device(label="phone", ip_address="192.0.2.7", user_agent=FIREFOX)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"


def device(**changes: str | None) -> Device:
    return Device(**{**vars(FIRST), **changes})


#: A second sign-in, and whether its device is new.
SECOND: dict[str, tuple[Device, bool]] = {
    "the same": (FIRST, False),
    "a newer version of the browser": (device(user_agent=FIREFOX.replace("144", "145")), False),
    "another address of the region": (device(ip_address="192.0.77.1"), False),
    "another region": (device(ip_address="198.51.100.7"), True),
    "IPv6": (device(ip_address="2001:db8:1:1::1"), True),
    "another label": (device(label="laptop"), True),
    "another browser": (device(user_agent=CHROME), True),
    "another system": (device(user_agent=IPHONE), True),
    "no address": (device(ip_address=None), True),
}


@pytest.mark.parametrize(("second", "is_new"), SECOND.values(), ids=SECOND)
def test_a_device_is_new_if_it_differs(alice: User, second: Device, *, is_new: bool) -> None:
    open_session(alice, FIRST)
    open_session(alice, second)
    assert (EventKind.NEW_DEVICE in kinds()) is is_new


def test_the_first_sign_in_of_an_account_is_not_new(alice: User, bob: User) -> None:
    open_session(bob, device(label="tablet"))
    open_session(alice, FIRST)
    assert kinds() == [EventKind.SIGN_IN] * 2


def test_failed_sign_ins_make_no_device_known(api: API, alice: User, clock: Clock) -> None:
    open_session(alice, FIRST)
    api.post("login/", {"username": "alice", "password": "eight wet otters"})
    clock.forward(seconds=2)
    api.login(alice)
    assert kinds()[-1] == EventKind.NEW_DEVICE


def test_a_new_device_is_new_once(alice: User, clock: Clock) -> None:
    open_session(alice, FIRST)
    for _ in range(3):
        clock.forward(seconds=2)
        open_session(alice, device(label="laptop"))
    assert kinds() == [
        EventKind.SIGN_IN,
        EventKind.NEW_DEVICE,
        EventKind.SIGN_IN,
        EventKind.SIGN_IN,
    ]


@pytest.mark.slow
def test_of_simultaneous_sign_ins_one_is_new(alice: User, heard: Listen) -> None:
    """Guards the returned count: only the caller that added the row reports the device."""
    reported = heard(signals.new_device_used)
    open_session(alice, FIRST)
    race(*(partial(open_session, alice, device(label="laptop")) for _ in range(6)))
    assert only(EventKind.NEW_DEVICE).device == "laptop"
    assert len(reported) == 1


def test_the_owner_gets_a_mail_about_a_new_device(alice: User, settings: Settings) -> None:
    settings.NEW_DEVICE_MAIL = True
    open_session(alice, FIRST)
    assert post_office() == []
    for _ in range(2):
        signed_in(alice, IPHONE)
    [mail] = post_office()
    assert mail.to == ["alice@example.org"]
    assert mail.subject == "A new device signed in"
    told = " ".join(str(mail.body).replace("\u2068", "").replace("\u2069", "").split())
    assert "“Safari on iPhone” signed in to the account alice" in told
    assert "from the IP address 127.0.0.1." in told
    assert "/accounts/activity/" in told


@pytest.mark.usefixtures("fresh_counters")
def test_a_thief_cannot_bury_the_mail_under_others(alice: User, settings: Settings) -> None:
    """A client chooses the label of its device, and each new one is an event."""
    settings.NEW_DEVICE_MAIL = True
    allow(settings, new_device_mail="2 per hour")
    for number in range(5):
        open_session(alice, device(label=f"device {number}"))
    assert [str(mail.body).count("device 1") > 0 for mail in post_office()] == [True, False]
    assert kinds().count(EventKind.NEW_DEVICE) == 4


def test_the_setting_switches_the_mail_off(alice: User, settings: Settings) -> None:
    settings.NEW_DEVICE_MAIL = False
    open_session(alice, FIRST)
    open_session(alice, device(label="laptop"))
    assert post_office() == []
    assert kinds()[-1] == EventKind.NEW_DEVICE


def test_a_sign_in_that_is_undone_sends_no_mail(alice: User, settings: Settings) -> None:
    settings.NEW_DEVICE_MAIL = True
    open_session(alice, FIRST)
    settings.TOKENS = {**settings.TOKENS, "CLAIMS": f"{__name__}.no_claims"}
    with pytest.raises(Exception, match="no claims"):
        open_session(alice, device(label="laptop"))
    assert post_office() == []
    assert kinds() == [EventKind.SIGN_IN]


def no_claims(*args: object, **kwargs: object) -> dict[str, object]:
    """Additional claims that cannot be computed."""
    raise RuntimeError("no claims")


def test_events_of_other_users_make_no_device_known(bob: User, alice: User) -> None:
    carol = User.objects.create(username="carol", password=HASHED)
    open_session(alice, FIRST)
    open_session(carol, device(label="laptop"))
    forget()
    open_session(alice, FIRST)
    open_session(carol, FIRST)
    assert kinds() == [EventKind.SIGN_IN] * 2
