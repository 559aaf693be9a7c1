"""Each adapter answers as RFC 6750 says, and offers roles, scopes, claims and public paths."""

from typing import Any

import httpx
import pytest
from issuer import AUDIENCE, JWKS, STATUS, Issuer
from latchkey_verifier import Verifier
from shops import APPS, Call, caller

BOTH = "orders:read stock"


@pytest.fixture(params=APPS)
def get(request: pytest.FixtureRequest, verifier: Verifier) -> Call:
    return caller(APPS[request.param](verifier))


def challenge(answer: httpx.Response) -> str:
    """Return the challenge of a refusal, which must be readable and must not be cached."""
    assert answer.json()["detail"]
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.headers["WWW-Authenticate"])


def test_a_valid_token_passes_with_its_claims(get: Call, issuer: Issuer) -> None:
    answer = get("/me", issuer.token(tenant="north"))
    assert answer.status_code == 200
    found = {name: answer.json()[name] for name in ("sub", "roles", "tenant")}
    assert found == {"sub": issuer.claims()["sub"], "roles": ["support"], "tenant": "north"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic YTpi"}, {"Authorization": ""}, {"X-Authorization": "Bearer a"}],
    ids=["no header", "another scheme", "an empty header", "another header"],
)
@pytest.mark.spec("RFC 6750", "3")
def test_a_missing_token_is_401(get: Call, issuer: Issuer, headers: dict[str, str]) -> None:
    answer = get("/me", **headers)
    assert (answer.status_code, challenge(answer)) == (401, "Bearer")
    assert not issuer.calls


REFUSED = {
    "garbage": lambda issuer: "garbage",
    "no text": lambda issuer: " ",
    "two words": lambda issuer: f"{issuer.token()} x",
    "two tokens": lambda issuer: f"{issuer.token()}, Bearer {issuer.token()}",
    "expired": lambda issuer: issuer.token(exp=issuer.claims()["iat"] - 11),
    "for another service": lambda issuer: issuer.token(aud=f"{AUDIENCE}/other"),
    "of an ended session": lambda issuer: issuer.listed(5),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
@pytest.mark.spec("RFC 6750", "3.1")
def test_a_refused_token_is_401(get: Call, issuer: Issuer, make: Any) -> None:
    issuer.publish_list(b"\x20" + b"\x00" * 15)
    answer = get("/me", make(issuer))
    assert (answer.status_code, challenge(answer)) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("path", [JWKS, STATUS], ids=["keys", "status list"])
def test_an_unreachable_issuer_is_503(get: Call, issuer: Issuer, path: str) -> None:
    issuer.pages[path].status = 500
    answer = get("/me", issuer.listed())
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert "WWW-Authenticate" not in answer.headers


def test_one_of_the_roles_is_required(get: Call, issuer: Issuer) -> None:
    assert get("/ship", issuer.token()).status_code == 403
    assert get("/ship", issuer.token(roles=["stock"])).status_code == 200
    assert get("/ship").status_code == 401


@pytest.mark.spec("RFC 9068", "2.2.3")
def test_all_scopes_are_required(get: Call, issuer: Issuer) -> None:
    assert get("/orders", issuer.token()).status_code == 403
    assert get("/orders", issuer.token(scope="stock")).status_code == 403
    assert get("/orders", issuer.token(scope=BOTH)).status_code == 200
    assert get("/orders").status_code == 401


def test_an_endpoint_requires_a_role_itself(get: Call, issuer: Issuer) -> None:
    answer = get("/pick", issuer.token())
    assert (answer.status_code, challenge(answer)) == (403, "Bearer")
    assert get("/pick", issuer.token(roles=["shipping"])).status_code == 200


@pytest.mark.spec("RFC 6750", "3.1")
def test_an_endpoint_requires_scopes_itself(get: Call, issuer: Issuer) -> None:
    answer = get("/count", issuer.token(scope="stock"))
    named = 'Bearer error="insufficient_scope", scope="stock orders:read"'
    assert (answer.status_code, challenge(answer)) == (403, named)
    assert get("/count", issuer.token(scope=BOTH)).status_code == 200


REFUSALS = {
    "no token": ("/me", 401, "not_authenticated"),
    "a refused token": ("/me", 401, "token_not_valid"),
    "a role of the endpoint": ("/ship", 403, "permission_denied"),
    "a scope of the endpoint": ("/orders", 403, "permission_denied"),
    "a role inside the endpoint": ("/pick", 403, "permission_denied"),
    "an unreachable issuer": ("/me", 503, "unavailable"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_a_code_and_is_not_cached(
    get: Call, issuer: Issuer, request: pytest.FixtureRequest, name: str
) -> None:
    path, status, code = REFUSALS[name]
    issuer.pages[JWKS].status = 500 if status == 503 else 200
    token = {"no token": "", "a refused token": "garbage"}.get(name, issuer.token())
    answer = get(path, token)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
    has_code = request.node.callspec.params["get"] != "FastAPI"  # It has another format.
    assert answer.json() == {"detail": answer.json()["detail"]} | (
        {"code": code} if has_code else {}
    )


def test_public_paths_need_no_token(get: Call, issuer: Issuer) -> None:
    for path in ("/healthz", "/files/logo.svg"):
        for token in ("", "garbage"):
            answer = get(path, token)
            assert (answer.status_code, answer.json()) == (200, {})
    assert not issuer.calls
