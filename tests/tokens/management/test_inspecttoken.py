"""`inspecttoken` says what a token is and whether it would be accepted, and changes nothing."""

import json
import re
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any, TypeAlias

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.exceptions import APIException

from accounts.models import User
from tests.accounts.conftest import NEW_HASH
from tests.conftest import API, Clock, Listen, row
from tokens import signals
from tokens.crypto.encoding import base64url
from tokens.http.authentication import verify_current
from tokens.jwt.claims import AccessToken, RefreshToken, secret_hash
from tokens.keys import lifecycle
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Reason
from tokens.sessions.rotation import rotate

pytestmark = pytest.mark.django_db(transaction=True)

Inspect: TypeAlias = Callable[[str], tuple[int, str]]
FOREIGN = "No living key of this site signed it, or a claim is not as this site writes it."
LOST = "It is signed with a key that this site does not have (any more)."
#: What people copy together with a token.
WRAPPINGS = [
    "{}",
    "Bearer {}",
    "bearer  {}\n",
    '"{}"',
    "'{}',",
    "`{}`",
    'Authorization: Bearer "{}";',
    '{{"access": "{}"}}',
    '  "refresh": "{}",',
    "curl -H 'Authorization: Bearer {}' https://id.example.org",
    "Cookie: csrftoken=x; __Host-access={}; Path=/",
    "https://id.example.org/?token={}&next=/",
    "<{}>",
    "({}).",
    "“{}”",
    "\ufeff{}",
    "this one: {} is mine",
    "JWT {}",
    "eyJhbGciOiJub25lIn0.e30.x {}",
]
KEY = "a-retry-key-of-the-phone"


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch) -> Inspect:
    """Return a function that gives a token to the command and returns status and print."""

    def run(raw: str) -> tuple[int, str]:
        keyring.current()  # which is made before anybody has a token to look at
        printed = StringIO()
        given = TextIOWrapper(BytesIO(raw.encode("utf-8", "surrogateescape")))
        monkeypatch.setattr("sys.stdin", given)
        before = list(DeviceSession.objects.order_by("pk").values())
        status = 0
        with CaptureQueriesContext(connection) as captured:
            try:
                call_command("inspecttoken", stdout=printed)
            except SystemExit as stopped:
                status = int(str(stopped.code))
        assert all(query["sql"].startswith("SELECT") for query in captured)
        assert len(captured) <= 2
        assert list(DeviceSession.objects.order_by("pk").values()) == before
        return status, printed.getvalue()

    return run


def test_a_living_refresh_token_is_described(api: API, alice: User, inspect: Inspect) -> None:
    phone = api.login(alice)
    status, printed = inspect(f" {phone['refresh']}\n")
    assert status == 0
    lines = printed.splitlines()
    assert lines[0] == "kind: refresh token"
    assert lines[-1] == "accepted now: yes"
    for line in (
        'header alg: "HS256"',
        f'claims sub: "{alice.pk}"',
        f'claims sid: "{phone["session"]}"',
        "claims gen: 1",
        "session kind: token",
        f"session user: {alice.pk}",
        'session device: "phone"',
        "session generation: 1",
        "session ended: no",
    ):
        assert line in lines


def test_a_living_access_token_is_described(api: API, alice: User, inspect: Inspect) -> None:
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


def test_looking_at_a_token_spent_with_a_key_is_not_reported_as_another_client(
    api: API, alice: User, inspect: Inspect, heard: Listen
) -> None:
    told = heard(signals.refresh_token_contended)
    phone = api.login(alice)
    api.rotated(phone["refresh"], key=KEY)
    assert "(409)" in inspect(phone["refresh"])[1]
    assert told == []


Given: TypeAlias = tuple[API, dict[str, Any], Clock]
Case: TypeAlias = tuple[Callable[[Given], object], str]  # what happens, and what is said of it


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


SPENT = "It was spent, and somebody has a copy: presented, it would end the session."
ENDED = "Its session was ended: ended by an administrator."
CHANGED = "The user's password or user name was changed since the sign-in."
LINEAGE = "It is ahead of the database or of another lineage: was a backup restored?"

SESSIONS: dict[str, Case] = {
    "untouched": (lambda given: None, ""),
    "ended": (lambda given: DeviceSession.objects.all().revoke(Reason.ADMIN), ENDED),
    "run out": (
        lambda given: DeviceSession.objects.update(expires_at=timezone.now()),
        "Its session has run out.",
    ),
    "expired": (lambda given: given[2].forward(days=15), "It has expired."),
    "purged": (
        lambda given: DeviceSession.objects.all().delete(),
        "Its session is unknown: it never was here, or was purged.",
    ),
    "inactive": (
        lambda given: User._base_manager.update(is_active=False),
        "Its user is inactive.",
    ),
    "changed": (lambda given: User._base_manager.update(password=NEW_HASH), CHANGED),
    "another user's": (
        lambda given: DeviceSession.objects.update(user=User.objects.create(username="eve")),
        "Its user is not the session's.",
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


@pytest.mark.trap(12)
@pytest.mark.parametrize(("kind", "case"), TABLE)
def test_what_is_said_is_what_would_happen(
    api: API,
    alice: User,
    clock: Clock,
    inspect: Inspect,
    *,
    kind: str,
    case: Case,
) -> None:
    happens, sentence = case
    pair = api.login(alice)
    happens((api, pair, clock))
    status, printed = inspect(pair[kind])
    last = printed.splitlines()[-1]
    if sentence:
        assert last.startswith(sentence)
        assert "accepted now: no" in printed
        assert status == 1
        with pytest.raises(APIException):
            (rotate if kind == "refresh" else verify_current)(pair[kind])
    else:
        assert (status, last) == (0, "accepted now: yes")
        (rotate if kind == "refresh" else verify_current)(pair[kind])


def jwt(header: object, claims: object) -> str:
    """Return a token that nobody signed."""
    parts = (base64url(json.dumps(part).encode()) for part in (header, claims))
    return ".".join((*parts, base64url(b"s" * 32)))


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "garbage",
        "a.b.c",
        "é.é.é",
        "\udcff\udcfe",
        "x" * 9000,
        jwt([], {}),
        jwt({}, "x"),
        base64url(b"[" * 4000) + ".e30.x",
        base64url(b"\xff\xfe") + ".e30.x",
    ],
    ids=[
        *("nothing", "garbage", "dots", "not ASCII", "not UTF-8", "long"),
        *("a list", "a text", "nested deep", "no text"),
    ],
)
def test_what_is_no_token_is_called_so(db: None, inspect: Inspect, raw: str) -> None:
    assert inspect(raw) == (1, "kind: no token\naccepted now: no\nIt is no JWT.\n")


def test_a_foreign_token_is_described_with_care(db: None, inspect: Inspect) -> None:
    claims = {
        "sub": "\x1b[2J",
        "exp": 1_700_000_000,
        "iat": "soon",
        "auth_time": 10**30,
        "jti": "a secret",
        "password": "another",
    }
    status, printed = inspect(jwt({"alg": "none", "jku": "https://evil.example"}, claims))
    assert status == 1
    assert printed.splitlines() == [
        "kind: foreign token, not verified",
        'header alg: "none"',
        'claims sub: "\\u001b[2J"',
        "claims exp: 1700000000 (2023-11-14 22:13:20 UTC)",
        'claims iat: "soon"',
        f"claims auth_time: {10**30}",
        "accepted now: no",
        FOREIGN,
    ]


ELSEWHERE = {"ISSUER": "https://id.example.org", "AUDIENCE": "https://id.example.org"}


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_of_another_address_of_this_site_is_told_apart_from_a_foreign_one(
    api: API, alice: User, inspect: Inspect, settings: Settings, kind: str
) -> None:
    phone = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **ELSEWHERE}
    for raw, sentence in {
        phone[kind]: "Its iss is http://localhost:8000; this site's is https://id.example.org: is"
        " PUBLIC_URL or PORT set differently here?",
        phone[kind][:-6] + "AAAAAA": FOREIGN,
    }.items():
        status, printed = inspect(raw)
        assert (status, printed.splitlines()[-1]) == (1, sentence)


def test_a_token_for_another_audience_is_named(
    api: API, alice: User, inspect: Inspect, settings: Settings
) -> None:
    access = api.login(alice)["access"]
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": "https://id.example.org"}
    assert "Its aud is http://localhost:8000; this site's is" in inspect(access)[1]


def test_a_token_whose_access_key_was_withdrawn_is_called_so(
    api: API, alice: User, inspect: Inspect
) -> None:
    access = api.login(alice)["access"]
    lifecycle.replace_all()
    assert inspect(access)[1].splitlines()[-1] == LOST


def test_a_token_whose_secret_key_was_withdrawn_is_called_so(
    api: API, alice: User, inspect: Inspect, settings: Settings
) -> None:
    refresh = api.login(alice)["refresh"]
    settings.SECRET_KEY = "another-" * 8
    assert inspect(refresh)[1].splitlines()[-1] == LOST


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256", "kid": "theirs", "typ": "at+jwt"},
        {"alg": "HS256", "kid": "k" * 43, "typ": "JWT"},
        {"alg": "HS256", "kid": ["k" * 12], "typ": "JWT"},
        {"alg": "ES256", "kid": "k" * 43, "typ": "dpop+jwt"},
        {"alg": "ES256", "typ": ["at+jwt"]},
    ],
    ids=["another name", "of the other kind", "no text", "another type", "none"],
)
def test_a_key_that_is_not_named_as_ours_are_is_somebody_elses(
    db: None, inspect: Inspect, header: dict[str, Any]
) -> None:
    assert inspect(jwt(header, {}))[1].splitlines()[-1] == FOREIGN


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_token_is_recognised_in_what_it_is_copied_with(
    api: API, alice: User, inspect: Inspect, wrapping: str
) -> None:
    phone = api.login(alice)
    for kind in ("access", "refresh"):
        assert "accepted now: yes" in inspect(wrapping.format(phone[kind]))[1]


def test_a_token_as_an_argument_is_refused_and_not_repeated(db: None) -> None:
    with pytest.raises(CommandError, match="standard input") as error:
        call_command("inspecttoken", "eyJ.secret.signature")
    assert "secret.signature" not in str(error.value)


def test_of_a_pasted_pair_it_is_the_refresh_token_that_is_looked_at(
    api: API, alice: User, inspect: Inspect
) -> None:
    phone = api.login(alice)
    assert "kind: refresh" in inspect(json.dumps(phone))[1]


def test_a_token_that_a_mail_has_quoted_is_recognised(
    api: API, alice: User, inspect: Inspect
) -> None:
    phone = api.login(alice)
    quoted = "\n> ".join(re.findall(".{1,76}", phone["access"]))
    assert "accepted now: yes" in inspect(f"> {quoted}\n")[1]
