"""Orders: a service with no users, passwords or sessions of its own. It believes Latchkey's tokens.

ISSUER is the site's PUBLIC_URL, AUDIENCE its TOKEN_AUDIENCE (the same unless it says otherwise).
Orders are kept in memory, so that one process serves them and a restart forgets them.
"""

import os
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, cast

from latchkey_verifier import Bearer, Claims, Verifier, claims_of
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MOST_ORDERS = 10_000
LONGEST_ITEM = 200  # characters


@dataclass
class Order:
    """What somebody ordered. `owner` is their `sub`: names and addresses change, it does not."""

    id: int
    owner: str
    item: str
    quantity: int
    shipped: bool = False


class Orders:
    """All orders, and the endpoints that show and change them."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.numbers = count(1)

    async def list_own(self, request: Request) -> JSONResponse:
        """Answer with the orders of whoever asks, and nobody else's."""
        owner = who(request).sub
        return JSONResponse([asdict(o) for o in self.orders.values() if o.owner == owner])

    async def create(self, request: Request) -> JSONResponse:
        """Take an order from whoever asks: {"item": "<text>", "quantity": <1 to 1000>}."""
        item, quantity = parse(await read_json(request))
        if len(self.orders) >= MOST_ORDERS:
            raise HTTPException(503, "There is no room for more orders.")
        order = Order(next(self.numbers), who(request).sub, item, quantity)
        self.orders[order.id] = order
        return JSONResponse(asdict(order), status_code=201)

    async def ship(self, request: Request) -> JSONResponse:
        """Mark anybody's order as shipped; only who has the role `shipping` may."""
        who(request).require_role("shipping")
        order = self.orders.get(request.path_params["id"])
        if order is None:
            raise HTTPException(404, "There is no such order.")
        order.shipped = True
        return JSONResponse(asdict(order))


def who(request: Request) -> Claims:
    """Return who asks. The middleware has let through nobody else."""
    return claims_of(request.scope)


async def read_json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body must be JSON.") from error


def parse(body: Any) -> tuple[str, int]:
    """Return item and quantity, or raise the answer that says what is wrong."""
    given = body if isinstance(body, dict) else {}
    item, quantity = given.get("item"), given.get("quantity")
    if not isinstance(item, str) or not 0 < len(item) <= LONGEST_ITEM:
        raise HTTPException(400, f"item is a text of 1 to {LONGEST_ITEM} characters.")
    if type(quantity) is not int or not 0 < quantity <= 1000:
        raise HTTPException(400, "quantity is a number from 1 to 1000.")
    return item, quantity


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what is wrong as JSON, as the middleware and the site do."""
    said = cast("HTTPException", error)
    return JSONResponse({"detail": said.detail}, said.status_code, said.headers)


def application(verifier: Verifier) -> Starlette:
    """Return the service, which believes this verifier and has no orders yet."""
    orders = Orders()
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/orders", orders.list_own),
            Route("/orders", orders.create, methods=["POST"]),
            Route("/orders/{id:int}/ship", orders.ship, methods=["POST"]),
        ],
        middleware=[Middleware(Bearer, verifier=verifier, public=["/healthz"])],
        exception_handlers={HTTPException: answer_error},
        max_body_size=64 * 1024,
    )


def from_environment() -> Starlette:
    """Return the service as the environment wants it; a server calls this."""
    issuer = os.environ["ISSUER"]
    verifier = Verifier(
        issuer=issuer,
        audience=os.environ.get("AUDIENCE", issuer),
        status_list=cast("Any", os.environ.get("STATUS_LIST", "fail_closed")),  # it is checked
        leeway=float(os.environ.get("LEEWAY", "10")),
    )
    return application(verifier)
