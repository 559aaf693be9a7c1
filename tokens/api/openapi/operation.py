"""The decorator that documents a view's method."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiRequest,
    extend_schema,
)

from tokens.api.openapi.answers import HEADERS, NO_DATABASE, UNAVAILABLE, Responses, refusal

Method = TypeVar("Method", bound=Callable[..., Any])
#: For operations that hash a password. They use the database too.
BUSY: Responses = {
    503: refusal(
        "The server is busy, or the database is not available. Nothing was changed.",
        busy=("busy", "The server is busy. Try again."),
        unavailable=NO_DATABASE,
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

    Without a description, the document shows the docstring of the view.
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
        auth=cast("Any", auth),  # the stubs allow names only
    )
