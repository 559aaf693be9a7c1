"""Orders: a service without users, passwords or sessions. It accepts Latchkey's access tokens.

ISSUER is the site's PUBLIC_URL; AUDIENCE is this service's name in the site's TOKEN_AUDIENCE (by
default the same). With PAYMENTS_URL, people can pay their orders: this service then calls Payments
on their behalf, with the credentials CLIENT_ID and CLIENT_SECRET of its service account.
Orders are kept in memory: run one process, and a restart loses them.
"""

import os
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, cast

from latchkey_verifier import Bearer, Claims, Verifier, claims_of
from on_behalf import OnBehalf, Target
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MAX_ORDERS = 10_000
MAX_ITEM_LENGTH = 200  # characters
PRICE = 3  # of each item


@dataclass
class Order:
    """An order. `owner` is the user's `sub`, because names and addresses change."""

    id: int
    owner: str
    item: str
    quantity: int
    shipped: bool = False


class Orders:
    """All orders, and the endpoints that list and change them."""

    def __init__(self, payments: OnBehalf | None) -> None:
        self.payments = payments
        self.orders: dict[int, Order] = {}
        self.numbers = count(1)

    async def list_own(self, request: Request) -> JSONResponse:
        """Answer with the caller's orders."""
        owner = caller(request).sub
        return JSONResponse([asdict(o) for o in self.orders.values() if o.owner == owner])

    async def create(self, request: Request) -> JSONResponse:
        """Create an order for the caller: {"item": "<text>", "quantity": <1 to 1000>}."""
        item, quantity = parse(await read_json(request))
        if len(self.orders) >= MAX_ORDERS:
            raise HTTPException(503, "There is no room for more orders.")
        order = Order(next(self.numbers), caller(request).sub, item, quantity)
        self.orders[order.id] = order
        return JSONResponse(asdict(order), status_code=201)

    async def ship(self, request: Request) -> JSONResponse:
        """Mark any user's order as shipped. The role `shipping` is required."""
        caller(request).require_role("shipping")
        order = self.orders.get(request.path_params["id"])
        if order is None:
            raise HTTPException(404, "There is no such order.")
        order.shipped = True
        return JSONResponse(asdict(order))

    async def pay(self, request: Request) -> JSONResponse:
        """Pay the caller's order: Payments receives a token for the caller, not the caller's."""
        order = self.orders.get(request.path_params["id"])
        if order is None or order.owner != caller(request).sub:
            raise HTTPException(404, "There is no such order.")
        if self.payments is None:
            raise HTTPException(503, "Orders cannot be paid here.")
        token = request.headers["Authorization"].partition(" ")[2].strip()
        body = {"order": order.id, "amount": order.quantity * PRICE}
        return JSONResponse(await self.payments.post("/payments", body, person=token))


def caller(request: Request) -> Claims:
    """Return the caller's claims, which the middleware has verified."""
    return claims_of(request.scope)


async def read_json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body must be JSON.") from error


def parse(body: Any) -> tuple[str, int]:
    """Return the item and the quantity, or raise HTTPException 400."""
    given = body if isinstance(body, dict) else {}
    item, quantity = given.get("item"), given.get("quantity")
    if not isinstance(item, str) or not 0 < len(item) <= MAX_ITEM_LENGTH:
        raise HTTPException(400, f"item is a text of 1 to {MAX_ITEM_LENGTH} characters.")
    if type(quantity) is not int or not 0 < quantity <= 1000:
        raise HTTPException(400, "quantity is a number from 1 to 1000.")
    return item, quantity


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error as JSON, in the format of the middleware and the site."""
    http_error = cast("HTTPException", error)
    return JSONResponse({"detail": http_error.detail}, http_error.status_code, http_error.headers)


def application(verifier: Verifier, payments: OnBehalf | None = None) -> Starlette:
    """Return a service that uses this verifier and has no orders yet."""
    orders = Orders(payments)
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/orders", orders.list_own),
            Route("/orders", orders.create, methods=["POST"]),
            Route("/orders/{id:int}/ship", orders.ship, methods=["POST"]),
            Route("/orders/{id:int}/pay", orders.pay, methods=["POST"]),
        ],
        middleware=[Middleware(Bearer, verifier=verifier, public=["/healthz"])],
        exception_handlers={HTTPException: answer_error},
        max_body_size=64 * 1024,
    )


def from_environment() -> Starlette:
    """Return the service, configured from the environment; the server calls this."""
    issuer = os.environ["ISSUER"]
    verifier = Verifier(
        issuer=issuer,
        audience=os.environ.get("AUDIENCE", issuer),
        status_list=cast("Any", os.environ.get("STATUS_LIST", "fail_closed")),  # Verifier checks it
        leeway=float(os.environ.get("LEEWAY", "10")),
    )
    return application(verifier, payments_from_environment())


def payments_from_environment() -> OnBehalf | None:
    """Return how to call Payments, or None without PAYMENTS_URL."""
    if "PAYMENTS_URL" not in os.environ:
        return None
    target = Target(
        issuer=os.environ["ISSUER"],
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        url=os.environ["PAYMENTS_URL"],
        audience=os.environ["PAYMENTS_AUDIENCE"],
        scope="payments:write",
    )
    return OnBehalf(target)
