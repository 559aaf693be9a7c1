"""Of the FastAPI dependency: the OpenAPI document, Security scopes, websockets and public paths."""

import asyncio
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from issuer import JWKS, Issuer
from latchkey_verifier import Verifier
from latchkey_verifier.fastapi import LatchkeyBearer
from shops import caller, fastapi_app


@pytest.fixture
def app(verifier: Verifier) -> FastAPI:
    return fastapi_app(verifier)


def test_it_is_a_security_scheme_in_the_openapi_document(app: FastAPI, verifier: Verifier) -> None:
    document = caller(app)("/openapi.json", "").json()
    assert document["components"]["securitySchemes"] == {
        "Latchkey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"An access token of {verifier.issuer}.",
        }
    }
    for path in ("/me", "/ship", "/orders", "/secured"):
        [security] = document["paths"][path]["get"]["security"]
        assert [*security] == ["Latchkey"]


def test_the_page_of_the_documentation_is_served(app: FastAPI) -> None:
    assert "swagger-ui" in caller(app)("/docs").text


def test_two_issuers_are_two_schemes(verifier: Verifier) -> None:
    app = FastAPI()
    first, second = LatchkeyBearer(verifier), LatchkeyBearer(verifier, scheme_name="Partner")
    app.get("/a", dependencies=[Depends(first)])(lambda: None)
    app.get("/b", dependencies=[Depends(second)])(lambda: None)
    assert {*app.openapi()["components"]["securitySchemes"]} == {"Latchkey", "Partner"}


@pytest.mark.spec("RFC 6750", "3.1")
def test_scopes_of_security_are_required(app: FastAPI, issuer: Issuer) -> None:
    get = caller(app)
    refused = get("/secured", issuer.token(scope="stock"))
    assert refused.status_code == 403
    assert refused.headers["WWW-Authenticate"] == (
        'Bearer error="insufficient_scope", scope="orders:read stock"'
    )
    assert get("/secured", issuer.token(scope="stock orders:read")).status_code == 200


def test_an_error_has_the_format_of_fastapi(app: FastAPI) -> None:
    answer = caller(app)("/me", "garbage")
    assert answer.json() == {"detail": "Token is invalid or expired"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_two_authorization_headers_are_refused(app: FastAPI, issuer: Issuer) -> None:
    token = issuer.token().encode()
    headers = [(b"authorization", b"Bearer " + token)] * 2
    assert asyncio.run(started(app, "http", "/me", headers))["status"] == 401


def test_a_role_on_a_public_path_is_never_there(app: FastAPI, issuer: Issuer) -> None:
    get = caller(app)
    assert get("/files/of/shippers", issuer.token(roles=["shipping"])).status_code == 401


async def started(
    app: FastAPI, kind: str, path: str, headers: list[tuple[bytes, bytes]]
) -> dict[str, Any]:
    """Return the first message of the answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request"}

    scope = {
        "type": kind,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "method": "GET",
        "http_version": "1.1",
        "scheme": "http",
    }
    await app(scope, receive, send)
    first: dict[str, Any] = sent[0]
    return first


def websocket(app: FastAPI, token: str) -> tuple[str, int | None]:
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    message = asyncio.run(started(app, "websocket", "/live", headers))
    return message["type"], message.get("code")


def test_a_websocket_is_closed_before_it_opens(app: FastAPI, issuer: Issuer) -> None:
    for token in ("", "garbage", issuer.token()):
        assert websocket(app, token) == ("websocket.close", 1008)
    assert websocket(app, issuer.token(roles=["shipping"])) == ("websocket.accept", None)


def test_an_unreachable_issuer_asks_a_websocket_to_retry(app: FastAPI, issuer: Issuer) -> None:
    issuer.pages[JWKS].status = 500
    assert websocket(app, issuer.token()) == ("websocket.close", 1013)
