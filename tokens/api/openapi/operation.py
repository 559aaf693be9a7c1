"""The decorator that documents a view's method."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiRequest,
    extend_schema,
)

from tokens.api.openapi.answers import HEADERS, UNAVAILABLE, Responses, refusal

Method = TypeVar("Method", bound=Callable[..., Any])
#: For what hashes a password, and asks the database, too.
BUSY: Responses = {
    503: refusal(
        "The server has too much to do, or the database is away. Nothing was decided or changed.",
        busy=("busy", "The server has too much to do. Try again."),
        unavailable=("unavailable", "The database is not reached. Try again."),
    )
}


def operation(
    name: str,
    summary: str,
    answers: Responses,
    *,
    tag: str = "tokens",
    request: OpenApiRequest | None = None,
    parameters: tuple[OpenApiParameter, ...] = (),
    description: str | None = None,
    auth: list[dict[str, list[str]]] | None = None,
    asks_database: bool = True,
    hashes: bool = False,
) -> Callable[[Method], Method]:
    """Return the decorator that documents a view's method and leaves it as it is.

    Without a description, the docstring of the view is one.
    """
    unavailable = BUSY if hashes else UNAVAILABLE if asks_database else {}
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        tags=[tag],
        request=request,
        responses={**answers, **unavailable},
        parameters=[*parameters, *HEADERS],
        auth=cast("Any", auth),  # annotated as names alone
    )
