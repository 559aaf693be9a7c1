"""Responses of the OpenAPI document that several operations share."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
)

from tokens.api.openapi.bodies import Body, FieldErrorsSerializer, RefusalSerializer
from tokens.api.openapi.examples import example

Responses: TypeAlias = Mapping[int, OpenApiResponse]


def success(
    body: Body | dict[str, Any], description: str, name: str, value: Any
) -> OpenApiResponse:
    """Return what is answered when all is well, with one example."""
    return OpenApiResponse(body, description, [example(name, value)])


def refusal(description: str, **details: tuple[str, str]) -> OpenApiResponse:
    """Return a refusal, with an example of each `code` and `detail` it has."""
    examples = [
        example(name.replace("_", " "), {"detail": detail, "code": code})
        for name, (code, detail) in details.items()
    ]
    return OpenApiResponse(RefusalSerializer, description, examples)


def invalid_body(*more: OpenApiExample, **fields: str) -> Responses:
    """Return the refusals of a body that is no request; `fields` are what an empty one lacks."""
    invalid = PolymorphicProxySerializer(
        "Invalid", [RefusalSerializer, FieldErrorsSerializer], resource_type_field_name=None
    )
    missing = {field: [sentence] for field, sentence in fields.items()}
    no_json = {
        "detail": "JSON parse error - Expecting value: line 1 column 1 (char 0)",
        "code": "parse_error",
    }
    empty = [example("empty", missing)] if missing else []
    examples = [*empty, example("no JSON", no_json), *more]
    return {
        400: OpenApiResponse(invalid, "The body is no such request.", examples),
        411: refusal(
            "How long the body is has to be known.",
            no_length=("length_required", "Send a Content-Length."),
        ),
        408: refusal(
            "The body did not arrive within 20 seconds.",
            timeout=("timeout", "The body did not arrive in time."),
        ),
        413: refusal(
            "The body is too large.",
            too_large=("too_large", "The body may have at most 65536 bytes."),
        ),
        415: refusal(
            "The body is not JSON.",
            form=(
                "unsupported_media_type",
                'Unsupported media type "application/x-www-form-urlencoded" in request.',
            ),
        ),
    }


def no_content(description: str) -> OpenApiResponse:
    return OpenApiResponse(None, description)


REQUIRED = "This field is required."
NOT_VALID = ("token_not_valid", "Token is invalid or expired")
THROTTLED: Responses = {
    429: refusal(
        "Too many tries. Come again after as many seconds as Retry-After says.",
        throttled=("throttled", "Request was throttled. Expected available in 30 seconds."),
    )
}
FORGED: Responses = {
    403: refusal(
        "Cookies are sent, and it is not shown that a page of ours sends them.",
        csrf_failed=(
            "csrf_failed",
            "The CSRF token is missing or wrong, or the request is from another site.",
        ),
    )
}
TOO_LARGE = example(
    "too many roles",
    {
        "detail": "The access token is too large for a cookie. Sign in without cookies.",
        "code": "cookie_too_large",
    },
)
BOTH = example(
    "in body and cookie", {"refresh": ["There is one in the cookie too: send only one."]}
)
UNAVAILABLE: Responses = {
    503: refusal(
        "The database is away. The tokens are as good as before: come again with the same.",
        unavailable=("unavailable", "The database is not reached. Try again."),
    )
}
UNAUTHENTICATED: Responses = {
    401: refusal(
        "No access token was presented, or one that is not accepted.",
        nothing_presented=("not_authenticated", "Authentication credentials were not provided."),
        refused=NOT_VALID,
        rights_changed=("rights_changed", "Your rights have changed: refresh the token."),
    )
}
HEADERS = [
    OpenApiParameter(
        "WWW-Authenticate",
        str,
        OpenApiParameter.HEADER,
        required=True,
        pattern='^Bearer( error="invalid_token")?$',
        description="With `invalid_token` if a token was presented and refused (RFC 6750).",
        response=[401],
    ),
    OpenApiParameter(
        "Retry-After",
        OpenApiTypes.INT,
        OpenApiParameter.HEADER,
        required=True,
        description="Seconds.",
        response=[429, 503],
    ),
]
