"""A token that the site did not issue, or that was altered, is refused without a query."""

import string
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import User
from tests.conftest import API, row
from tests.tokens.jwt.forging import (
    ACCESS_FORGERIES,
    REFRESH_FORGERIES,
    parts,
    resigned_access,
    resigned_refresh,
)
from tokens.jwt.claims import MAX_TOKEN_LENGTH, AccessToken, RefreshToken, SessionToken

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_altered_refresh_token_is_refused_without_a_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Each character is changed, and each is left out, one at a time."""
    pair = api.login(alice)
    token = pair["refresh"]
    with django_assert_num_queries(0):
        for position, character in enumerate(token):
            for other in ("", "A" if character != "A" else "B", chr(ord(character) ^ 1)):
                mutated = token[:position] + other + token[position + 1 :]
                assert api.refresh(mutated).status_code == 401, mutated
    assert row(pair).generation == 1
    assert api.rotated(token)["generation"] == 2


def test_an_altered_access_token_is_refused_without_a_query(
    api: API, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = api.login(alice)["access"]
    with django_assert_num_queries(0):
        for position in range(0, len(token), 3):
            mutated = token[:position] + chr(ord(token[position]) ^ 1) + token[position + 1 :]
            assert api.post("verify/", {"token": mutated}).status_code == 401, mutated


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_signature_has_one_spelling(api: API, alice: User, kind: str) -> None:
    """Unused bits of the last character and padding are refused."""
    token = api.login(alice)[kind]
    known = AccessToken if kind == "access" else RefreshToken
    others = {*string.ascii_letters, *string.digits, *"-_"} - {token[-1]}
    for spelling in (*(token[:-1] + other for other in others), f"{token}=", f"{token}=="):
        with pytest.raises(TokenError):
            known(spelling)
    known(token)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_token_that_is_too_long_is_refused(api: API, alice: User, kind: str) -> None:
    pair = api.login(alice)
    known: type[SessionToken] = AccessToken if kind == "access" else RefreshToken
    resigned = resigned_access if kind == "access" else resigned_refresh
    known(resigned(pair[kind], more="x" * (MAX_TOKEN_LENGTH // 2)))
    with pytest.raises(TokenError, match="MAX_TOKEN_LENGTH"):
        known(resigned(pair[kind], more="x" * MAX_TOKEN_LENGTH))


#: Each forgery, with the kind of token that it is sent as.
FORGERIES = {
    f"as {kind}: {name}": (kind, forge)
    for kind, forgeries in (("refresh", REFRESH_FORGERIES), ("access", ACCESS_FORGERIES))
    for name, forge in forgeries.items()
}


@pytest.mark.trap(18, 38, 39)
@pytest.mark.spec("RFC 8725", "3.1", "3.2", "3.8", "3.9", "3.11", "3.12")
@pytest.mark.spec(
    "ASVS 5.0", "9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.2.4", "10.3.1"
)
@pytest.mark.spec("RFC 6750", "3")
@pytest.mark.parametrize(("kind", "forge"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_is_refused_without_a_query(
    api: API,
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    *,
    kind: str,
    forge: Callable[[str, str], str],
) -> None:
    pair = api.login(alice)
    forged = forge(pair[kind], pair["access" if kind == "refresh" else "refresh"])
    with django_assert_num_queries(0):
        answer = api.refresh(forged) if kind == "refresh" else api.get("sessions/", bearer=forged)
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_not_valid"
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert row(pair).revoked_at is None


def test_the_forger_makes_valid_tokens_without_changes(api: API, alice: User) -> None:
    pair = api.login(alice)
    assert api.post("verify/", {"token": resigned_access(pair["access"])}).status_code == 200
    assert api.refresh(resigned_refresh(pair["refresh"])).status_code == 200


def test_a_token_is_accepted_after_its_nbf(api: API, alice: User) -> None:
    access = api.login(alice)["access"]
    begun = resigned_access(access, nbf=parts(access)[1]["iat"])
    assert api.get("sessions/", bearer=begun).status_code == 200


#: Every endpoint that accepts or verifies an access token.
OPENED: dict[str, tuple[str, str]] = {
    "logout all": ("post", "/api/auth/logout/all/"),
    "logout others": ("post", "/api/auth/logout/others/"),
    "sessions": ("get", "/api/auth/sessions/"),
    "a session": ("delete", "/api/auth/sessions/{sid}/"),
    "account": ("get", "/api/account/me/"),
    "change of the account": ("patch", "/api/account/me/"),
    "deletion": ("delete", "/api/account/me/"),
    "password": ("post", "/api/account/password/"),
    "a developer's own API": ("get", "/api/example/"),
    "a developer's own API, by role": ("get", "/api/example/editors/"),
}


@pytest.mark.trap(38, 39)
@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.spec("ASVS 5.0", "10.3.1", "9.2.2", "9.2.3")
@pytest.mark.parametrize(("method", "path"), OPENED.values(), ids=OPENED)
@pytest.mark.parametrize("place", ["header", "cookie"])
def test_no_endpoint_accepts_a_forged_access_token(
    api: API, alice: User, *, method: str, path: str, place: str
) -> None:
    pair = api.login(alice)
    before = row(pair)
    for name, forge in ACCESS_FORGERIES.items():
        forged = forge(pair["access"], pair["refresh"])
        client = Client()
        headers = {"Authorization": f"Bearer {forged}"} if place == "header" else {}
        if place == "cookie":
            client.cookies["access"] = forged
        send = getattr(client, method)
        answer = send(path.format(sid=pair["session"]), {}, "application/json", headers=headers)
        assert answer.status_code == 401, name
    assert row(pair).revoked_at is before.revoked_at is None
    assert User.objects.get() == alice


#: Signing out accepts genuine tokens of any age and issuer.
GENUINE = {"an expiry long past", "a token of another issuer", "issued tomorrow"}
NOT_GENUINE = {name: REFRESH_FORGERIES[name] for name in REFRESH_FORGERIES if name not in GENUINE}


@pytest.mark.trap(21)
@pytest.mark.parametrize("forge", NOT_GENUINE.values(), ids=NOT_GENUINE)
def test_a_forged_refresh_token_revokes_and_verifies_nothing(
    api: API, alice: User, forge: Callable[[str, str], str]
) -> None:
    pair = api.login(alice)
    forged = forge(pair["refresh"], pair["access"])
    assert api.post("logout/", {"refresh": forged}).status_code == 204
    assert row(pair).revoked_at is None
    if forged != pair["access"]:
        assert api.post("verify/", {"token": forged}).status_code == 401
