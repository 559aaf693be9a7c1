"""Events of sessions are logged in one line each, without secrets."""

import logging
import re
from datetime import timedelta
from typing import Any, TypeAlias, cast

import pytest
from django.db import transaction

from accounts.models import User
from tests.accounts.conftest import NEW_HASH
from tests.conftest import API, PASSWORD, Clock, row
from tokens.jwt.claims import RefreshToken, secret_hash
from tokens.models import BlacklistedToken, DeviceSession, Reason, ServiceAccount
from tokens.revocation.blacklist import blacklist
from tokens.service_accounts.accounts import authenticate, create_secret, record_use

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("ASVS 5.0", "16.3.1")]

Line: TypeAlias = tuple[str, str, dict[str, Any]]
#: The fields that structlog and the middleware add to every line.
ADDED = ("level", "logger", "timestamp", "request_id")
HERE = "127.0.0.1"
KEY = "a-retry-key-of-the-phone"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> "Lines":
    caplog.set_level(logging.DEBUG)
    return Lines(caplog)


class Lines:
    """The log of the security events."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.caplog = caplog

    def taken(self) -> list[Line]:
        """Return level, event and facts of the lines since the last call."""
        records = [record for record in self.caplog.records if record.name == "latchkey.security"]
        self.caplog.clear()
        facts = [cast("dict[str, Any]", record.msg).copy() for record in records]
        for fact in facts:
            assert {fact.pop(name, None) for name in ADDED} >= {"latchkey.security"}
        return [
            (record.levelname, fact.pop("event"), fact)
            for record, fact in zip(records, facts, strict=True)
        ]


def who(pair: dict[str, str]) -> dict[str, str]:
    session = row(pair)
    return {"user": str(session.user_id), "sid": str(session.sid)}


def test_a_sign_in_is_logged(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    assert lines.taken() == [("INFO", "session_started", {**who(phone), "address": HERE})]


def test_an_ordinary_rotation_is_not_logged(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    lines.taken()
    api.rotated(phone["refresh"])
    assert lines.taken() == []


def test_a_refused_sign_in_is_logged_without_the_user_name(
    api: API, alice: User, lines: Lines
) -> None:
    for name in ("alice", "nobody", PASSWORD):
        api.post("login/", {"username": name, "password": "eight wet otters"})
        assert lines.taken() == [("WARNING", "login_failed", {"address": HERE})]


def test_a_sign_out_is_logged_once(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    lines.taken()
    for _ in range(2):
        api.post("logout/", {"refresh": phone["refresh"]})
    assert lines.taken() == [
        ("INFO", "session_ended", {**who(phone), "reason": "logout", "address": HERE})
    ]


def test_each_revoked_session_is_logged_with_its_reason(
    api: API, alice: User, bob: User, lines: Lines
) -> None:
    for user, reason in ((alice, "credentials_changed"), (bob, "deactivated")):
        phone, laptop = api.login(user, "phone"), api.login(user, "laptop")
        lines.taken()
        if user == alice:
            User.objects.filter(pk=user.pk).update(password=NEW_HASH)
        else:
            User.objects.filter(pk=user.pk).update(is_active=False)
        ended = lines.taken()
        assert len(ended) == 2
        for pair in (phone, laptop):
            assert ("INFO", "session_ended", {**who(pair), "reason": reason}) in ended


def test_the_revocation_of_a_deleted_user_names_the_user(
    api: API, alice: User, lines: Lines
) -> None:
    phone = api.login(alice)
    named = who(phone)
    lines.taken()
    alice.delete()
    assert lines.taken() == [("INFO", "session_ended", {**named, "reason": "deleted"})]


def test_a_change_that_is_rolled_back_is_not_logged(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    lines.taken()
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(is_active=False)
        transaction.set_rollback(True)
    assert lines.taken() == []
    assert row(phone).revoked_at is None


@pytest.mark.spec("RFC 9700", "4.14.2")
def test_a_reused_token_is_logged_once(api: API, alice: User, lines: Lines, clock: Clock) -> None:
    phone = api.login(alice)
    api.rotated(phone["refresh"])
    clock.forward(seconds=31)
    lines.taken()
    for _ in range(2):
        assert api.refresh(phone["refresh"]).status_code == 401
    told = {**who(phone), "address": HERE}
    assert lines.taken() == [
        ("INFO", "session_ended", {**told, "reason": "reuse"}),
        ("WARNING", "refresh_token_reused", {**told, "generation": 1, "of": 2}),
    ]


def test_a_token_ahead_of_the_database_is_logged(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    second = api.rotated(phone["refresh"])
    jti = RefreshToken(phone["refresh"]).jti
    DeviceSession.objects.update(generation=1, secret_hash=secret_hash(jti))
    lines.taken()
    assert api.refresh(second["refresh"]).status_code == 401
    assert lines.taken() == [
        (
            "ERROR",
            "refresh_token_out_of_step",
            {**who(phone), "generation": 2, "of": 1, "address": HERE},
        )
    ]
    assert row(phone).revoked_at is None


V6 = "2001:db8:1:1::1"

#: The addresses of the rotation and of the replay, and whether the networks differ.
REPLAYS: dict[str, tuple[str, str, bool]] = {
    "the same address": (HERE, HERE, False),
    "another IPv4 address": (HERE, "192.0.2.7", True),
    "another address of the same /64": (V6, "2001:db8:1:1:ffff::2", False),
    "the next /64": (V6, "2001:db8:1:2::1", True),
    "from IPv6 to IPv4": (V6, "192.0.2.7", True),
    "IPv4 written as IPv6": ("192.0.2.7", "::ffff:192.0.2.7", False),
    "the rotation came by a socket file": ("", "192.0.2.7", False),
    "the replay came by a socket file": (HERE, "", False),
    "both came by a socket file": ("", "", False),
}


@pytest.mark.parametrize("key", ["", KEY], ids=["without a key", "with its key"])
@pytest.mark.parametrize(("first", "then", "elsewhere"), REPLAYS.values(), ids=REPLAYS)
def test_a_replay_from_another_network_is_logged_as_a_warning(
    api: API, alice: User, lines: Lines, *, key: str, first: str, then: str, elsewhere: bool
) -> None:
    phone = api.login(alice)
    api.client.defaults["REMOTE_ADDR"] = first
    second = api.rotated(phone["refresh"], key=key)
    lines.taken()
    api.client.defaults["REMOTE_ADDR"] = then
    assert api.rotated(phone["refresh"], key=key)["refresh"] == second["refresh"]
    told = {
        **who(phone),
        "rotated_by": first or None,
        "address": then.removeprefix("::ffff:") or None,
    }
    warning = ("WARNING", "refresh_token_replayed_elsewhere", {**told, "with_key": bool(key)})
    again = ("INFO", "refresh_token_sent_again", told)
    assert lines.taken() == [again, *([warning] if elsewhere else [])]
    assert row(phone).revoked_at is None


@pytest.mark.trap(54)
def test_a_thief_who_follows_a_client_is_logged_as_a_warning(
    api: API, alice: User, lines: Lines, clock: Clock
) -> None:
    """The replayed token contains its time, which tells a thief when the next rotation comes."""
    owner = thief = api.login(alice)
    for _ in range(3):
        clock.forward(seconds=290)
        owner = api.rotated(owner["refresh"])
        clock.forward(seconds=5)
        lines.taken()
        api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
        thief = api.rotated(thief["refresh"])
        api.client.defaults["REMOTE_ADDR"] = HERE
        assert thief["refresh"] == owner["refresh"]
        assert RefreshToken(thief["refresh"])["iat"] == int(row(owner).rotated_at.timestamp())
        events = [event for _, event, _ in lines.taken()]
        assert events == ["refresh_token_sent_again", "refresh_token_replayed_elsewhere"]
    api.rotated(owner["refresh"], key=KEY)
    assert api.refresh(thief["refresh"]).status_code == 409


def test_a_second_client_with_the_same_token_is_logged(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    api.rotated(phone["refresh"], key=KEY)
    lines.taken()
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    assert api.refresh(phone["refresh"]).status_code == 409
    told = {**who(phone), "rotated_by": HERE, "address": "192.0.2.7"}
    assert lines.taken() == [("WARNING", "refresh_token_contended", told)]


def test_a_blacklisted_token_is_logged_once(api: API, alice: User, lines: Lines) -> None:
    phone = api.login(alice)
    lines.taken()
    for _ in range(2):
        blacklist(phone["access"], Reason.ADMIN)
    entry = BlacklistedToken.objects.get()
    told = {"user": str(alice.pk), "entry": entry.pk, "reason": "admin"}
    assert lines.taken() == [("INFO", "token_blacklisted", told)]


def test_a_new_secret_and_its_first_use_are_logged(alice: User, lines: Lines) -> None:
    account = ServiceAccount.objects.create(name="orders")
    secret, text = create_secret(account, lifetime=timedelta(days=1), created_by=alice)
    which = {
        "client_id": str(account.pk),
        "prefix": text[:13],
        "sid": str(secret.session.sid),
    }
    by = {"created_by": str(alice.pk)}
    assert lines.taken() == [("INFO", "service_secret_created", {**which, **by})]
    for _ in range(2):
        record_use(authenticate(text).secret)
    assert lines.taken() == [("INFO", "service_secret_used", which)]


def test_a_line_about_a_program_has_no_user(lines: Lines) -> None:
    """The fields are None and not "None", which a search would take for an id."""
    account = ServiceAccount.objects.create(name="orders")
    secret, _ = create_secret(account, lifetime=timedelta(days=1))
    DeviceSession.objects.filter(pk=secret.session.pk).revoke(Reason.ADMIN)
    created, ended = (facts for _, _, facts in lines.taken())
    assert (created["created_by"], ended["user"]) == (None, None)


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.2.5")
def test_no_log_line_contains_a_secret(
    api: API, alice: User, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    phone = api.login(alice)
    second = api.rotated(phone["refresh"], key=KEY)
    api.rotated(phone["refresh"], key=KEY)
    api.refresh(phone["refresh"])
    blacklist(api.login(alice)["access"], Reason.ADMIN)
    api.get("sessions/", bearer=phone["access"])
    api.get("sessions/", bearer=phone["access"][:-2])
    api.post("verify/", {"token": phone["access"]})
    api.post("login/", {"username": "alice", "password": "eight wet otters"})
    third = api.rotated(second["refresh"])
    clock.forward(seconds=31)
    api.refresh(second["refresh"])
    api.post("logout/", {"refresh": third["refresh"]})
    written = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert "session_ended" in written
    tokens = [pair[kind] for pair in (phone, second, third) for kind in ("access", "refresh")]
    parts = [part for token in tokens for part in token.split(".")[1:]]
    jtis = [RefreshToken(pair["refresh"]).jti for pair in (phone, second, third)]
    for secret in (*parts, *jtis, KEY, PASSWORD, "eight wet otters", alice.password):
        assert secret not in written
    assert not re.search(r"eyJ[\w-]{20}", written)
