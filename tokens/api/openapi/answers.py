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

from tokens.api.errors import TokenTooLargeError
from tokens.api.openapi.bodies import (
    Body,
    ConflictSerializer,
    FieldErrorsSerializer,
    RefusalSerializer,
)
from tokens.api.openapi.examples import IDEMPOTENCY_KEY, SID, example
from tokens.http.errors import (
    CookieTooLargeError,
    CsrfFailedError,
    RolesChangedError,
    TokenDiffersError,
)
from tokens.http.permissions import IsPerson

Responses: TypeAlias = Mapping[int, OpenApiResponse]


def success(
    body: Body | dict[str, Any], description: str, name: str, value: Any
) -> OpenApiResponse:
    """Return the response to a successful request, with one example."""
    return OpenApiResponse(body, description, [example(name, value)])


def refusal(description: str, **details: tuple[str, str]) -> OpenApiResponse:
    """Return a refusal, with an example of each `code` and `detail` that it has."""
    examples = [
        example(name.replace("_", " "), {"detail": detail, "code": code})
        for name, (code, detail) in details.items()
    ]
    return OpenApiResponse(RefusalSerializer, description, examples)


def refused(status: int, description: str, **details: tuple[str, str]) -> Responses:
    """Return the refusals with this status, for an operation to include."""
    return {status: refusal(description, **details)}


def invalid_body(*more: OpenApiExample, **fields: str) -> Responses:
    """Return the refusals of an invalid body; `fields` are the sentences for an empty one."""
    invalid = PolymorphicProxySerializer(
        "Invalid", [RefusalSerializer, FieldErrorsSerializer], resource_type_field_name=None
    )
    missing = {field: [sentence] for field, sentence in fields.items()}
    not_json = {
        "detail": "The body is not JSON. The error is at line 1, column 1.",
        "code": "parse_error",
    }
    empty = [example("empty", missing)] if missing else []
    examples = [*empty, example("not JSON", not_json), *more]
    return {
        400: OpenApiResponse(invalid, "The body is not a valid request.", examples),
        411: refusal(
            "The request has no Content-Length.",
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
            "The body is not JSON, or it is compressed.",
            form=(
                "unsupported_media_type",
                'Unsupported media type "application/x-www-form-urlencoded" in request.',
            ),
            compressed=("unsupported_media_type", "Send the body without a Content-Encoding."),
        ),
    }


def no_content(description: str) -> OpenApiResponse:
    return OpenApiResponse(None, description)


REQUIRED = "This field is required."
NOT_VALID = ("token_not_valid", "Token is invalid or expired")
THROTTLED = refused(
    429,
    "Too many attempts. Wait for the number of seconds in Retry-After.",
    throttled=("throttled", "Request was throttled. Expected available in 30 seconds."),
)
CSRF_FAILED = (CsrfFailedError.default_code, str(CsrfFailedError.default_detail))
FORGED = refused(
    403,
    "The request has cookies, but no valid CSRF token or an origin that is not allowed.",
    csrf_failed=CSRF_FAILED,
)
TOO_LARGE, TOKEN_TOO_LARGE = (
    example(name, {"detail": str(error.default_detail), "code": error.default_code})
    for name, error in (
        ("too many roles", CookieTooLargeError),
        ("far too many roles", TokenTooLargeError),
    )
)
BOTH = example(
    "in body and cookie", {"refresh": ["There is one in the cookie too: send only one."]}
)
CONFLICT = OpenApiResponse(
    ConflictSerializer,
    "No token is issued and the session continues. Another request has just used this token: read "
    "the tokens that your other tab or thread has stored. Or the token is not the one that "
    "`session` and `generation` name.",
    [
        example(
            "already rotated",
            {
                "detail": "This refresh token was rotated a moment ago by another request.",
                "code": "already_rotated",
            },
        ),
        example(
            "other generation",
            {
                "detail": str(TokenDiffersError.default_detail),
                "code": TokenDiffersError.default_code,
                "session": SID,
                "generation": 1,
            },
        ),
    ],
)
NO_DATABASE = ("unavailable", "The database cannot be used at the moment. Try again.")
UNAVAILABLE = refused(
    503,
    "The database is not available. The tokens are still valid: send the same request again.",
    unavailable=NO_DATABASE,
)
UNAUTHENTICATED = refused(
    401,
    "The request has no access token, or one that is not accepted.",
    no_token=("not_authenticated", "Authentication credentials were not provided."),
    refused=NOT_VALID,
    rights_changed=(RolesChangedError.default_code, str(RolesChangedError.default_detail)),
)
OF_A_PROGRAM = ("permission_denied", IsPerson.message)
PEOPLE_ONLY = refused(
    403,
    "The token belongs to a program, or to a service that acts for a person.",
    of_a_program=OF_A_PROGRAM,
)
#: The refusals of an operation with which a person changes something.
FORBIDDEN = refused(
    403,
    "The token belongs to a program, or to a service that acts for a person. Or the request has "
    "cookies, but no valid CSRF token or an origin that is not allowed.",
    of_a_program=OF_A_PROGRAM,
    csrf_failed=CSRF_FAILED,
)
#: The refusals of an operation that verifies the current password of a signed-in user.
VERIFIES_PASSWORD: Responses = {**THROTTLED, **UNAUTHENTICATED, **FORBIDDEN}
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="One value for each refresh token, which every try sends: best an HMAC of "
    "`session` and `generation` with a secret of the client. A request that repeats the token and "
    "the key within a day receives the same refresh token again.",
    examples=[OpenApiExample("fresh secret", IDEMPOTENCY_KEY)],
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    required=True,
    description="The seconds to wait before the next request.",
    response=[429, 503],
)
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
    RETRY_AFTER,
]
