"""Wrong passwords are limited by address and account, and the owner is never locked out."""

from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from tests.conftest import API, PASSWORD, Answer, Clock, allow, row
from tokens.models import DeviceSession

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_counters"),
]

HOME, THIEF = "192.0.2.1", "198.51.100.66"


def try_password(
    api: API, address: str, *, password: str | None = None, name: str = "alice"
) -> Answer:
    api.client.defaults["REMOTE_ADDR"] = address
    return api.post("login/", {"username": name, "password": password or "wrong"})


@pytest.mark.spec("ASVS 5.0", "6.1.1", "6.3.1")
@pytest.mark.parametrize("name", ["alice", "nobody", "alice@example.org"])
def test_the_eleventh_wrong_password_has_to_wait(
    api: API, alice: User, settings: Settings, clock: Clock, name: str
) -> None:
    allow(settings, login_pair="10 per 5 minutes")
    for _ in range(10):
        assert try_password(api, THIEF, name=name).status_code == 401
    refused = try_password(api, THIEF, name=name)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 290 <= int(refused["Retry-After"]) <= 301
    clock.forward(seconds=int(refused["Retry-After"]))
    assert try_password(api, THIEF, name=name).status_code == 401


def test_a_name_in_another_case_is_the_same_account(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_pair="1 per minute")
    assert try_password(api, THIEF, name="alice@example.org").status_code == 401
    assert try_password(api, THIEF, name=" Alice@EXAMPLE.org ").status_code == 429


@pytest.mark.trap(45)
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.parametrize("rate", ["login_pair", "login_account"])
def test_throttling_does_not_reveal_accounts(
    api: API, alice: User, settings: Settings, rate: str
) -> None:
    """An unknown name is refused as often as alice's, in any spelling."""
    allow(settings, **{rate: "2 per hour"})
    answers = {}
    for name in ("alice", "nobody"):
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
        tried = [name, wide, name.upper(), f"{name}@example.org"]
        answers[name] = [try_password(api, THIEF, name=name).status_code for name in tried]
    assert answers["alice"] == answers["nobody"] == [401, 401, 429, 401]


def test_a_throttled_try_costs_no_query_and_no_hash(
    api: API, alice: User, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    allow(settings, login_address="1 per minute")
    try_password(api, THIEF)
    with django_assert_num_queries(0):
        assert try_password(api, THIEF, password=PASSWORD).status_code == 429
    assert not alice.device_sessions.exists()


@pytest.mark.trap(46)
def test_a_success_does_not_reset_the_counter(api: API, alice: User, settings: Settings) -> None:
    allow(settings, login_pair="3 per minute")
    codes = [
        try_password(api, THIEF, password=password).status_code
        for password in ("wrong", PASSWORD, "wrong", "wrong")
    ]
    assert codes == [401, 200, 401, 429]


@pytest.mark.spec("ASVS 5.0", "6.1.1")
def test_many_strangers_do_not_lock_the_owner_out(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, login_account="5 per hour")
    at_home = try_password(api, HOME, password=PASSWORD).json()
    for number in range(20):
        try_password(api, f"198.51.100.{number}")
    assert try_password(api, THIEF, password=PASSWORD, name="bob").status_code == 200
    assert try_password(api, THIEF, password=PASSWORD).status_code == 429
    assert try_password(api, HOME, password=PASSWORD).status_code == 200
    assert try_password(api, HOME, password=PASSWORD, name="ALICE@example.org").status_code == 200
    assert row(at_home).revoked_at is None


def test_the_latest_networks_of_an_owner_stay_open(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_account="1 per hour")
    session = row(try_password(api, THIEF, password=PASSWORD).json())
    places = [*(f"10.0.{number // 250}.{number % 250}" for number in range(500)), HOME]
    for place in places:
        session.pk, session.sid, session.ip_address = None, uuid4(), place
        session.save(force_insert=True)
    DeviceSession.objects.filter(ip_address=THIEF).delete()
    assert try_password(api, THIEF, password=PASSWORD).status_code == 429
    assert try_password(api, HOME, password=PASSWORD).status_code == 200


def test_a_blocked_address_does_not_count_for_the_account(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_address="1 per hour", login_account="2 per hour")
    for _ in range(5):
        try_password(api, THIEF)
    assert try_password(api, HOME, password=PASSWORD).status_code == 200


def test_a_name_that_is_too_long_has_no_known_network(
    api: API, db: None, settings: Settings
) -> None:
    allow(settings, login_account="1 per hour")
    codes = [try_password(api, HOME, name="%a_" * 15_000).status_code for _ in range(2)]
    assert codes == [401, 429]


def test_accounts_are_counted_separately(
    api: API, alice: User, bob: User, settings: Settings
) -> None:
    allow(settings, login_account="1 per hour")
    try_password(api, THIEF)
    assert try_password(api, THIEF).status_code == 429
    assert try_password(api, THIEF, name="bob").status_code == 401


@pytest.mark.trap(46)
def test_ipv6_addresses_are_counted_by_their_64_bit_prefix(
    api: API, alice: User, settings: Settings
) -> None:
    allow(settings, login_address="1 per minute")
    assert try_password(api, "2001:db8::1").status_code == 401
    assert try_password(api, "2001:db8::ffff").status_code == 429
    assert try_password(api, "2001:db8:0:1::1").status_code == 401
    assert try_password(api, "::ffff:192.0.2.9").status_code == 401
    assert try_password(api, "192.0.2.9").status_code == 429
