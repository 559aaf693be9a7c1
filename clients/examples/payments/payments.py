"""Payments: the service behind Orders. Orders calls it on behalf of the person who ordered.

ISSUER is the site's PUBLIC_URL; AUDIENCE is this service's name in the site's TOKEN_AUDIENCE.
Payments are kept in memory: run one process, and a restart loses them.
"""

import os
from dataclasses import asdict, dataclass
from typing import Any, cast

from latchkey_verifier import Bearer, Verifier, claims_of
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MAX_PAYMENTS = 10_000


@dataclass
class Payment:
    """A payment. `payer` is the person's `sub`, `requested_by` the calling service or ""."""

    payer: str
    order: int
    amount: int
    requested_by: str


class Payments:
    """All payments, by payer and order, and the endpoints that list and create them."""

    def __init__(self) -> None:
        self.payments: dict[tuple[str, int], Payment] = {}

    async def list_own(self, request: Request) -> JSONResponse:
        """Answer with the person's payments."""
        payer = claims_of(request.scope).sub
        return JSONResponse([asdict(p) for p in self.payments.values() if p.payer == payer])

    async def create(self, request: Request) -> JSONResponse:
        """Pay an order once: {"order": <number>, "amount": <1 to 1000000>}.

        The token needs the scope `payments:write`. A repeated request gets the first payment again.
        """
        claims = claims_of(request.scope)
        claims.require_scope("payments:write")
        order, amount = parse(await read_json(request))
        if len(self.payments) >= MAX_PAYMENTS:
            raise HTTPException(503, "There is no room for more payments.")
        actor = claims.act["sub"] if claims.act else ""
        payment = Payment(claims.sub, order, amount, requested_by=actor)
        payment = self.payments.setdefault((payment.payer, order), payment)
        return JSONResponse(asdict(payment), status_code=201)


async def read_json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body must be JSON.") from error


def parse(body: Any) -> tuple[int, int]:
    """Return the order and the amount, or raise HTTPException 400."""
    given = body if isinstance(body, dict) else {}
    order, amount = given.get("order"), given.get("amount")
    if type(order) is not int or type(amount) is not int or not 0 < amount <= 1_000_000:
        raise HTTPException(400, "order is a number, and amount one from 1 to 1000000.")
    return order, amount


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error as JSON, in the format of the middleware and the site."""
    http_error = cast("HTTPException", error)
    return JSONResponse({"detail": http_error.detail}, http_error.status_code, http_error.headers)


def application(verifier: Verifier) -> Starlette:
    """Return a service that uses this verifier and has no payments yet."""
    payments = Payments()
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/payments", payments.list_own),
            Route("/payments", payments.create, methods=["POST"]),
        ],
        middleware=[Middleware(Bearer, verifier=verifier, public=["/healthz"])],
        exception_handlers={HTTPException: answer_error},
        max_body_size=64 * 1024,
    )


def from_environment() -> Starlette:
    """Return the service, configured from the environment; the server calls this."""
    verifier = Verifier(
        issuer=os.environ["ISSUER"],
        audience=os.environ["AUDIENCE"],
        leeway=float(os.environ.get("LEEWAY", "10")),
    )
    return application(verifier)
