"""One service, written for each framework: its endpoints, and how httpx calls it.

/me answers the claims, /ship needs a role, /orders a scope, and /pick and /count need them inside
the endpoint. /healthz and the paths below /files/ are public.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any
from wsgiref.types import WSGIApplication

import httpx
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from fastapi import Depends, FastAPI, Security, WebSocket
from fastapi.requests import HTTPConnection
from latchkey_verifier import Bearer, Claims, Verifier, WSGIBearer, asgi, claims_of, drf, wsgi
from latchkey_verifier.fastapi import LatchkeyBearer

PUBLIC = ("/healthz", "/files/")
Call = Callable[..., httpx.Response]


def described(claims: Claims) -> dict[str, Any]:
    return {"sub": claims.sub, "roles": [*claims.roles], "tenant": claims.custom.get("tenant")}


def check(path: str, claims: Claims) -> None:
    """Check what the endpoints /pick and /count need."""
    if path == "/pick":
        claims.require_role("shipping")
    if path == "/count":
        claims.require_scope("stock", "orders:read")


def asgi_app(verifier: Verifier) -> asgi.App:
    async def endpoint(scope: Any, receive: Any, send: Any) -> None:
        body = {}
        if scope["latchkey"]:
            check(scope["path"], claims_of(scope))
            body = described(claims_of(scope))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    unguarded: asgi.App = endpoint
    guarded: dict[str, asgi.App] = {
        "/ship": asgi.has_role("shipping", "stock")(endpoint),
        "/orders": asgi.has_scope("orders:read", "stock")(endpoint),
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await guarded.get(scope["path"], unguarded)(scope, receive, send)

    return Bearer(app, verifier, PUBLIC)


def wsgi_app(verifier: Verifier) -> Any:
    def endpoint(environ: Any, start_response: Any) -> Iterable[bytes]:
        body = {}
        if environ["latchkey"]:
            check(environ["PATH_INFO"], claims_of(environ))
            body = described(claims_of(environ))
        start_response("200 OK", [])
        yield json.dumps(body).encode()

    unguarded: WSGIApplication = endpoint
    guarded: dict[str, WSGIApplication] = {
        "/ship": wsgi.has_role("shipping", "stock")(endpoint),
        "/orders": wsgi.has_scope("orders:read", "stock")(endpoint),
    }

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        return guarded.get(environ["PATH_INFO"], unguarded)(environ, start_response)

    return WSGIBearer(app, verifier, PUBLIC)


def fastapi_app(verifier: Verifier) -> FastAPI:
    bearer = LatchkeyBearer(verifier, PUBLIC)
    app = FastAPI(dependencies=[Depends(bearer)])

    @app.get("/me")
    @app.get("/pick")
    @app.get("/count")
    async def me(
        claims: Annotated[Claims, Depends(bearer)], connection: HTTPConnection
    ) -> dict[str, Any]:
        check(connection.scope["path"], claims)
        return described(claims)

    @app.get("/ship")
    def ship(
        claims: Annotated[Claims, Depends(bearer.has_role("shipping", "stock"))],
    ) -> dict[str, Any]:
        return described(claims)

    @app.get("/orders", dependencies=[Depends(bearer.has_scope("orders:read", "stock"))])
    async def orders() -> dict[str, Any]:
        return {}

    @app.get("/healthz")
    @app.get("/files/{name}")
    async def public(claims: Annotated[Claims | None, Depends(bearer)]) -> dict[str, Any]:
        return {} if claims is None else described(claims)

    _add_more(app, bearer)
    return app


def _add_more(app: FastAPI, bearer: LatchkeyBearer) -> None:
    """Add what only FastAPI has."""

    @app.get("/secured")
    async def secured(
        claims: Annotated[Claims, Security(bearer, scopes=["orders:read", "stock"])],
    ) -> dict[str, Any]:
        return described(claims)

    @app.get("/files/of/shippers", dependencies=[Depends(bearer.has_role("shipping"))])
    async def contradictory() -> None:
        """A role that is required on a public path is never there."""

    @app.websocket("/live")
    async def live(
        websocket: WebSocket, claims: Annotated[Claims, Depends(bearer.has_role("shipping"))]
    ) -> None:
        await websocket.accept()
        await websocket.close()


def drf_app(verifier: Verifier) -> Any:
    settings.LATCHKEY = {"issuer": verifier.issuer, "audience": verifier.audience}
    drf.default_verifier.cache_clear()
    return get_wsgi_application()


def caller(app: Any) -> Call:
    """Return a function that calls the app: `get("/me", token, **headers)`."""
    is_asgi = asyncio.iscoroutinefunction(app.__call__)

    def get(path: str, token: str = "", **headers: str) -> httpx.Response:
        if token:
            headers = {"Authorization": f"Bearer {token}", **headers}
        if not is_asgi:
            with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://shop") as client:
                return client.get(path, headers=headers)

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(request())

    return get


APPS: dict[str, Callable[[Verifier], Any]] = {
    "ASGI": asgi_app,
    "WSGI": wsgi_app,
    "FastAPI": fastapi_app,
    "DRF": drf_app,
}
