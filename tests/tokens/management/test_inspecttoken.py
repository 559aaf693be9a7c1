"""`inspecttoken` says what a token is and whether the site would accept it, and changes nothing."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from django.utils import timezone
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import User
from tests.accounts.conftest import NEW_HASH
from tests.conftest import API, Clock, Listen, row
from tests.tokens.management.conftest import Inspect
from tokens import signals
from tokens.errors import TokenDomainError
from tokens.http.authentication import verify_current
from tokens.jwt.claims import AccessToken, RefreshToken, secret_hash
from tokens.jwt.parsing import parse_token
from tokens.models import DeviceSession, Reason
from tokens.sessions.rotation import rotate

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a-retry-key-of-the-phone"


def test_a_valid_refresh_token_is_described(api: API, alice: User, inspect: Inspect) -> None:
    phone = api.login(alice)
    status, printed = inspect(f" {phone['refresh']}\n")
    assert status == 0
    lines = printed.splitlines()
    assert lines[0] == "kind: refresh token"
    assert lines[-1] == "accepted now: yes"
    session = row(phone)
    for line in (
        'header alg: "HS256"',
        f'claims sub: "{alice.pk}"',
        f'claims sid: "{phone["session"]}"',
        "claims gen: 1",
        "session kind: token",
        f"session user: {alice.pk}",
        'session device: "phone"',
        "session generation: 1",
        f"session expires if unused: {session.idle_expires_at:%Y-%m-%d %H:%M:%S} UTC",
        f"session expires at the latest: {session.expires_at:%Y-%m-%d %H:%M:%S} UTC",
        "session revoked: no",
    ):
        assert line in lines


def test_a_valid_access_token_is_described(api: API, alice: User, inspect: Inspect) -> None:
    status, printed = inspect(api.login(alice)["access"])
    assert status == 0
    assert printed.startswith('kind: access token\nheader alg: "ES256"\n')
    assert 'header typ: "at+jwt"' in printed
    assert 'claims aud: "http://localhost:8000"' in printed
    assert "accepted now: yes" in printed


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_nothing_secret_is_printed(api: API, alice: User, inspect: Inspect, kind: str) -> None:
    phone = api.login(alice)
    phone = api.rotated(phone["refresh"], key=KEY)
    stored = row(phone)
    hashes = (stored.secret_hash, stored.nonce, stored.retry_hash, stored.credential_tag)
    claims = (RefreshToken if kind == "refresh" else AccessToken)(phone[kind]).payload
    for raw in (phone[kind], phone[kind][:-6] + "AAAAAA"):
        _, printed = inspect(raw)
        for secret in (
            *raw.split("."),
            claims["jti"],
            "jti",
            *(bytes(h or b"").hex() for h in hashes),
        ):
            assert secret not in printed


def test_inspecting_a_spent_token_reports_no_reuse(
    api: API, alice: User, inspect: Inspect, heard: Listen
) -> None:
    told = heard(signals.refresh_token_contended)
    phone = api.login(alice)
    api.rotated(phone["refresh"], key=KEY)
    assert "(409)" in inspect(phone["refresh"])[1]
    assert told == []


Given: TypeAlias = tuple[API, dict[str, Any], Clock]
Case: TypeAlias = tuple[
    Callable[[Given], object], str
]  # The test compares the outcome with the description.


def rotated(given: Given, *, key: str = "", wait: float = 0) -> None:
    api, pair, clock = given
    pair["next"] = api.rotated(pair["refresh"], key=key)
    clock.forward(seconds=wait)


def twice(given: Given) -> None:
    rotated(given, key=KEY)
    given[0].rotated(given[1]["next"]["refresh"])


def restored(given: Given) -> None:
    rotated(given)
    DeviceSession.objects.update(generation=1, secret_hash=secret_hash("x"))
    given[1].update(given[1]["next"])


SPENT = "It was spent before. Presenting it again would revoke the session."
REVOKED = "Its session was revoked: by an administrator."
CHANGED = "The user's password or user name was changed since the sign-in."
LINEAGE = "It is ahead of the database or of another lineage: was a backup restored?"
SESSIONS: dict[str, Case] = {
    "untouched": (lambda given: None, ""),
    "revoked": (lambda given: DeviceSession.objects.all().revoke(Reason.ADMIN), REVOKED),
    "session expired": (
        lambda given: DeviceSession.objects.update(expires_at=timezone.now()),
        "Its session has expired.",
    ),
    "token expired": (lambda given: given[2].forward(days=15), "It has expired."),
    "purged": (
        lambda given: DeviceSession.objects.all().delete(),
        "Its session is unknown: it never existed here, or was purged.",
    ),
    "inactive": (
        lambda given: User._base_manager.update(is_active=False),
        "Its user is inactive.",
    ),
    "changed": (lambda given: User._base_manager.update(password=NEW_HASH), CHANGED),
    "another user's": (
        lambda given: DeviceSession.objects.update(user=User.objects.create(username="eve")),
        "Its user is not the user of its session.",
    ),
}
GENERATIONS: dict[str, Case] = {
    "spent a moment ago": (rotated, ""),
    "spent a minute ago": (lambda given: rotated(given, wait=60), SPENT),
    "spent a moment ago with a key": (lambda given: rotated(given, key=KEY), "It was spent a mom"),
    "spent a minute ago with a key": (
        lambda given: rotated(given, key=KEY, wait=60),
        "It was spent, with an Idempotency-Key.",
    ),
    "spent and its successor too": (twice, SPENT),
    "ahead of the row": (restored, LINEAGE),
    "of another lineage": (
        lambda given: DeviceSession.objects.update(secret_hash=secret_hash("x")),
        LINEAGE,
    ),
    "before another lineage": (
        lambda given: DeviceSession.objects.update(generation=2, secret_hash=secret_hash("x")),
        LINEAGE,
    ),
}
TABLE = [
    pytest.param(kind, case, id=f"{kind} {name}")
    for kind, cases in (("refresh", SESSIONS | GENERATIONS), ("access", SESSIONS))
    for name, case in cases.items()
]


def spend(raw: str) -> object:
    return rotate(parse_token(RefreshToken, raw))


@pytest.mark.trap(12)
@pytest.mark.parametrize(("kind", "case"), TABLE)
def test_the_description_matches_the_outcome(
    api: API,
    alice: User,
    clock: Clock,
    inspect: Inspect,
    *,
    kind: str,
    case: Case,
) -> None:
    happens, sentence = case
    accept = spend if kind == "refresh" else verify_current
    pair = api.login(alice)
    happens((api, pair, clock))
    status, printed = inspect(pair[kind])
    last = printed.splitlines()[-1]
    if sentence:
        assert last.startswith(sentence)
        assert "accepted now: no" in printed
        assert status == 1
        with pytest.raises((TokenDomainError, InvalidToken)):
            accept(pair[kind])
    else:
        assert (status, last) == (0, "accepted now: yes")
        accept(pair[kind])
