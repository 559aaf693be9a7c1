"""The middleware lets requests with a valid token through and answers the others."""

import asyncio
from typing import Any

import httpx
import pytest
from conftest import Clock
from issuer import AUDIENCE, JWKS, STATUS, Issuer, new_pair, signed
from latchkey_verifier import Bearer, TokenRefused, Verifier, claims_of


class Shop:
    """An application without a framework. It records every scope that it receives."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        path = scope["path"]
        if path == "/ship":
            claims_of(scope).require_role("shipping")
        if path == "/orders":
            claims_of(scope).require_scope("orders:read")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path == "/late":
            claims_of(scope).require_role("shipping")
        user = b"anybody" if path == "/healthz" else claims_of(scope).sub.encode()
        await send({"type": "http.response.body", "body": user})


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def app(shop: Shop, verifier: Verifier) -> Bearer:
    return Bearer(shop, verifier, public=["/healthz"])


def get(app: Bearer, path: str = "/", *headers: tuple[str, str], token: str = "") -> httpx.Response:
    async def request() -> httpx.Response:
        authorization = [("Authorization", f"Bearer {token}")] if token else []
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(path, headers=[*headers, *authorization])

    return asyncio.run(request())


def test_a_valid_token_gets_through_with_its_claims_in_the_scope(
    app: Bearer, issuer: Issuer
) -> None:
    answer = get(app, token=issuer.token())
    assert (answer.status_code, answer.text) == (200, issuer.claims()["sub"])


@pytest.mark.parametrize(
    "headers",
    [[], [("Authorization", "Basic YTpi")], [("Authorization", "")], [("X-Authorization", "a")]],
    ids=["no header", "another scheme", "an empty header", "another header"],
)
@pytest.mark.spec("RFC 6750", "3")
def test_a_missing_token_is_401_without_an_error_code(
    app: Bearer, shop: Shop, issuer: Issuer, headers: list[tuple[str, str]]
) -> None:
    answer = get(app, "/", *headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["code"] == "not_authenticated"
    assert not shop.scopes
    assert not issuer.calls


@pytest.mark.spec("RFC 6750", "2.3")
def test_a_token_in_the_url_is_ignored(app: Bearer, issuer: Issuer) -> None:
    assert get(app, f"/?access_token={issuer.token()}").headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["Bearer garbage", "Bearer", "Bearer ", "bearer a.b.c", "Bearer \xe9", "Bearer a b"],
    ids=str,
)
@pytest.mark.spec("RFC 6750", "3.1")
def test_a_refused_token_is_401_and_the_reason_is_not_revealed(
    app: Bearer, shop: Shop, header: str
) -> None:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get("/", headers={b"Authorization": header.encode("latin-1")})

    answer = asyncio.run(request())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"detail": "Token is invalid or expired", "code": "token_not_valid"}
    assert not shop.scopes


def test_two_authorization_headers_are_refused(app: Bearer, issuer: Issuer) -> None:
    valid = ("Authorization", f"Bearer {issuer.token()}")
    for other in (valid, ("Authorization", ""), ("Authorization", "Basic YTpi")):
        answer = get(app, "/", valid, other)
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_case_of_the_scheme_does_not_matter(app: Bearer, issuer: Issuer) -> None:
    assert get(app, "/", ("Authorization", f"bEaReR  {issuer.token()} ")).status_code == 200


def test_a_missing_role_is_403(app: Bearer, issuer: Issuer) -> None:
    answer = get(app, "/ship", token=issuer.token())
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "permission_denied"
    assert get(app, "/ship", token=issuer.token(roles=["shipping"])).status_code == 200


@pytest.mark.spec("RFC 6750", "3")
def test_a_missing_scope_is_403_and_named(app: Bearer, issuer: Issuer) -> None:
    answer = get(app, "/orders", token=issuer.token(scope="stock"))
    assert answer.status_code == 403
    challenge = 'Bearer error="insufficient_scope", scope="orders:read"'
    assert answer.headers["WWW-Authenticate"] == challenge
    assert answer.json()["code"] == "permission_denied"
    assert get(app, "/orders", token=issuer.token(scope="orders:read")).status_code == 200


def test_a_missing_role_after_the_answer_started_is_an_error(app: Bearer, issuer: Issuer) -> None:
    with pytest.raises(Exception, match="lacks the role 'shipping'"):
        get(app, "/late", token=issuer.token())


@pytest.mark.parametrize("path", [JWKS, STATUS], ids=["keys", "status list"])
def test_an_unreachable_issuer_is_503_and_never_401(
    app: Bearer, shop: Shop, issuer: Issuer, path: str
) -> None:
    issuer.pages[path].status = 500
    answer = get(app, token=issuer.listed())
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert "WWW-Authenticate" not in answer.headers
    assert not shop.scopes


def test_a_revoked_session_is_401(app: Bearer, issuer: Issuer) -> None:
    issuer.publish_list(b"\xff" * 16)
    assert get(app, token=issuer.listed()).status_code == 401


def test_public_paths_are_open_and_similar_paths_are_not(
    app: Bearer, shop: Shop, issuer: Issuer
) -> None:
    assert get(app, "/healthz").text == "anybody"
    assert get(app, "/healthz", token="garbage").text == "anybody"
    with pytest.raises(LookupError):
        claims_of(shop.scopes[-1])
    for path in ("/healthz/", "/healthz/..", "/Healthz", "//healthz", "/x/../healthz/y"):
        assert get(app, path).status_code == 401
    assert not issuer.calls


def test_values_of_another_middleware_are_not_claims(issuer: Issuer) -> None:
    for scope in ({}, {"latchkey": None}, {"latchkey": {"sub": "made up"}}):
        with pytest.raises(LookupError):
            claims_of(scope)


def websocket(app: Bearer, token: str) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {"type": "websocket", "path": "/", "headers": headers}
    asyncio.run(app(scope, receive, send))
    return sent


def test_a_websocket_needs_a_token(app: Bearer, shop: Shop, issuer: Issuer) -> None:
    assert websocket(app, "") == [{"type": "websocket.close", "code": 1008}]
    assert websocket(app, "garbage") == [{"type": "websocket.close", "code": 1008}]
    assert not shop.scopes
    assert websocket(app, issuer.token()) == [{"type": "websocket.accept"}]
    assert claims_of(shop.scopes[0]).sub == issuer.claims()["sub"]


def test_an_unreachable_issuer_asks_a_websocket_to_retry(app: Bearer, issuer: Issuer) -> None:
    issuer.pages[JWKS].status = 500
    assert websocket(app, issuer.token()) == [{"type": "websocket.close", "code": 1013}]


def test_lifespan_events_reach_the_application(app: Bearer, shop: Shop) -> None:
    async def nothing(*message: Any) -> Any:
        raise AssertionError

    asyncio.run(app({"type": "lifespan", "state": {}}, nothing, nothing))
    assert [scope["type"] for scope in shop.scopes] == ["lifespan"]


def test_the_reason_is_logged_and_the_token_is_not(
    app: Bearer, issuer: Issuer, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    token = signed(issuer.header, issuer.claims(), new_pair("key-1"))
    issuer.pages[JWKS].headers = {}
    with caplog.at_level("DEBUG"):
        get(app, token=token)
        clock.forward(300)
        issuer.pages[JWKS].status = 404
        get(app, token=token)
    ours = [record.getMessage() for record in caplog.records if record.name == "latchkey_verifier"]
    assert ours == [
        "access token refused: wrong signature",
        f"{issuer.url}{JWKS} cannot be had: status 404",
        "access token refused: wrong signature",
    ]
    assert not any(part in caplog.text for part in token.split(".")[1:])


def test_exceptions_of_the_application_pass_through(verifier: Verifier, issuer: Issuer) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        get(Bearer(broken, verifier), token=issuer.token())


def test_token_refused_from_the_application_passes_through(
    verifier: Verifier, issuer: Issuer
) -> None:
    """The application may verify a second token, whose refusal is not a 401 of the request."""

    async def checks_another(scope: Any, receive: Any, send: Any) -> None:
        await verifier.averify("garbage")

    with pytest.raises(TokenRefused):
        get(Bearer(checks_another, verifier), token=issuer.token())


def test_a_token_for_another_audience_is_401(issuer: Issuer) -> None:
    other = Verifier(issuer=issuer.url, audience=f"{AUDIENCE}/other")
    assert get(Bearer(Shop(), other), token=issuer.token()).status_code == 401
