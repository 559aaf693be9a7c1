"""What the OpenAPI document says of the token endpoints; nothing here runs while they answer.

Each operation is a decorator that a view's method wears. Its examples are tried by the tests.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.serializers import BaseSerializer

from tokens import cookies
from tokens.serializers import LoginSerializer, SessionSerializer

Method = TypeVar("Method", bound=Callable[..., Any])
Answers: TypeAlias = Mapping[int, OpenApiResponse]
Body: TypeAlias = type[BaseSerializer[Any]] | BaseSerializer[Any]

#: Stand for tokens of the same form; the tests put living ones in their place.
ACCESS = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2lnbmVk"
REFRESH = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmVk"
SID = "0e0a4d8c-1f6b-4b0e-9a55-3d5c5f0f7a11"
CSRF = "Yk3vJ0sN8oq5XbZr1TtGm2LwDfHc9PUe7iRxAq4KSlMnBvCyEjOgWzIhFuQdVaXp"
IDEMPOTENCY_KEY = "4f0c2b9d1e7a4c55a6d3f8e2b1907c64"
PAIR = {
    "access": ACCESS,
    "refresh": REFRESH,
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_expires_in": 1209600,
    "session": SID,
    "generation": 1,
}


class PairSerializer(serializers.Serializer[None]):
    """Both tokens of a device session, unless they are in cookies; lifetimes are in seconds."""

    access = serializers.CharField(
        required=False, help_text="JWT that opens what is the user's, for minutes."
    )
    refresh = serializers.CharField(
        required=False, help_text="JWT to be spent once, at `refresh/`, for days."
    )
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Life of the access token.")
    refresh_expires_in = serializers.IntegerField(help_text="Life of the refresh token, unspent.")
    session = serializers.UUIDField(help_text="Name of the device session, `sid` in both tokens.")
    generation = serializers.IntegerField(min_value=1, help_text="Number of the refresh token.")


class SpendSerializer(serializers.Serializer[None]):
    """A refresh token, unless it is in the cookie."""

    refresh = serializers.CharField(required=False)


class VerifySerializer(serializers.Serializer[None]):
    """An access token."""

    token = serializers.CharField()


class EndedSerializer(serializers.Serializer[None]):
    """How many sessions were living until now."""

    ended = serializers.IntegerField(min_value=0)


class RefusalSerializer(serializers.Serializer[None]):
    """Why not: a sentence for a person and a stable word for a program."""

    detail = serializers.CharField()
    code = serializers.CharField()


class FieldErrorsSerializer(serializers.Serializer[None]):
    """Sentences by the name of the field or header that is wrong."""


class FieldErrorsExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = FieldErrorsSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        sentences = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"type": "object", "additionalProperties": sentences, "minProperties": 1}


class BearerExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """By the header, or by cookie, which an unsafe call must accompany with the CSRF token."""

    target_class = "tokens.authentication.BearerAuthentication"
    name = ["bearer", "accessCookie", "refreshCookie", "csrfToken"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        unsafe: dict[str, list[Any]] = {} if auto_schema.method == "GET" else {"csrfToken": []}
        return [{"bearer": []}, {"accessCookie": [], **unsafe}]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of a pair: `Authorization: Bearer <access>`.",
            },
            {"type": "apiKey", "in": "cookie", "name": cookies.cookie_name("access")},
            {"type": "apiKey", "in": "cookie", "name": cookies.cookie_name("refresh")},
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-CSRFToken",
                "description": "What `GET /api/auth/csrf/` gives; unsafe calls by cookie need it.",
            },
        ]


class RowExtension(BearerExtension):  # type: ignore[no-untyped-call]
    """The same for clients; who is believed by the row needs no description of its own."""

    target_class = "tokens.authentication.RowAuthentication"

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []


def example(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value)


def asked(body: Body, name: str, value: Any) -> OpenApiRequest:
    """Return the body of a request, with one example."""
    return OpenApiRequest(body, examples=[example(name, value)])


def given(body: Body | dict[str, Any], description: str, name: str, value: Any) -> OpenApiResponse:
    """Return what is answered when all is well, with one example."""
    return OpenApiResponse(body, description, [example(name, value)])


def refused(description: str, **details: tuple[str, str]) -> OpenApiResponse:
    """Return a refusal, with an example of each `code` and `detail` it has."""
    examples = [
        example(name.replace("_", " "), {"detail": detail, "code": code})
        for name, (code, detail) in details.items()
    ]
    return OpenApiResponse(RefusalSerializer, description, examples)


def malformed(*more: OpenApiExample, **fields: str) -> Answers:
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
        411: refused(
            "How long the body is has to be known.",
            no_length=("length_required", "Send a Content-Length."),
        ),
        408: refused(
            "The body did not arrive within 20 seconds.",
            timeout=("timeout", "The body did not arrive in time."),
        ),
        413: refused(
            "The body is too large.",
            too_large=("too_large", "The body may have at most 65536 bytes."),
        ),
        415: refused(
            "The body is not JSON.",
            form=(
                "unsupported_media_type",
                'Unsupported media type "application/x-www-form-urlencoded" in request.',
            ),
        ),
    }


def no_content(description: str) -> OpenApiResponse:
    return OpenApiResponse(None, description)


NOTHING = {"type": "object", "additionalProperties": False}
REQUIRED = "This field is required."
NOT_VALID = ("token_not_valid", "Token is invalid or expired")
THROTTLED: Answers = {
    429: refused(
        "Too many tries. Come again after as many seconds as Retry-After says.",
        throttled=("throttled", "Request was throttled. Expected available in 30 seconds."),
    )
}
FORGED: Answers = {
    403: refused(
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
#: By the token in the body, or by the one in the cookie.
BODY_OR_COOKIE: list[dict[str, list[str]]] = [{}, {"refreshCookie": [], "csrfToken": []}]
#: For what hashes a password, and asks the database, too.
BUSY: Answers = {
    503: refused(
        "The server has too much to do, or the database is away. Nothing was decided or changed.",
        busy=("busy", "The server has too much to do. Try again."),
        unavailable=("unavailable", "The database is not reached. Try again."),
    )
}
UNAVAILABLE: Answers = {
    503: refused(
        "The database is away. The tokens are as good as before: come again with the same.",
        unavailable=("unavailable", "The database is not reached. Try again."),
    )
}
UNAUTHENTICATED: Answers = {
    401: refused(
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


def operation(
    name: str,
    summary: str,
    answers: Answers,
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


csrf = operation(
    "csrf",
    "Get the CSRF token of this browser",
    {
        200: given(
            {
                "type": "object",
                "properties": {"csrfToken": {"type": "string"}},
                "required": ["csrfToken"],
            },
            "To be sent as `X-CSRFToken` with every call that changes something by cookie.",
            "a token",
            {"csrfToken": CSRF},
        )
    },
    asks_database=False,
)

login = operation(
    "login",
    "Sign in with a password",
    {
        200: given(PairSerializer, "Signed in.", "first pair", PAIR),
        **malformed(TOO_LARGE, username=REQUIRED, password=REQUIRED),
        **FORGED,
        401: refused(
            "Unknown, wrong or inactive: which of them is not told.",
            no_such_account=(
                "no_active_account",
                "No active account was found with these credentials.",
            ),
        ),
        **THROTTLED,
    },
    request=asked(
        LoginSerializer,
        "phone",
        {"username": "alice", "password": "seven wet otters", "device": "phone"},
    ),
    hashes=True,
    description='With `"transport": "cookie"` the tokens are in cookies that no script reads, and '
    "not in the answer; the call then needs the CSRF token, and so does every unsafe one after it.",
)

refresh = operation(
    "refresh",
    "Spend a refresh token",
    {
        200: given(PairSerializer, "Rotated.", "successor", {**PAIR, "generation": 2}),
        **malformed(
            example(
                "short key",
                {
                    "Idempotency-Key": [
                        "An Idempotency-Key has 16 to 255 printable ASCII characters."
                    ]
                },
            ),
            BOTH,
            TOO_LARGE,
            refresh=REQUIRED,
        ),
        **FORGED,
        401: refused(
            "Bad, expired, ended, reused or foreign: which of them is not told.", refused=NOT_VALID
        ),
        409: refused(
            "Another request has just spent the token. Nothing is given, nothing has ended: "
            "read again what your other tab or thread has stored.",
            already_rotated=(
                "already_rotated",
                "This refresh token was rotated a moment ago by another request.",
            ),
        ),
        **THROTTLED,
    },
    request=asked(SpendSerializer, "current token", {"refresh": REFRESH}),
    parameters=(
        OpenApiParameter(
            "Idempotency-Key",
            {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[ -~]+$"},
            OpenApiParameter.HEADER,
            description="A fresh secret for each token spent: with the same key the same answer "
            "is given again for a day, without it nothing is.",
            examples=[OpenApiExample("fresh secret", IDEMPOTENCY_KEY)],
        ),
    ),
    description="Gives the pair that follows, exactly once. A lost answer is given again, byte for "
    "byte the same refresh token, to whoever repeats the `Idempotency-Key`; without one, to "
    "anybody within a short grace period. A spent token that comes back later ends the whole "
    "session: somebody has a copy. By cookie it moves the cookies on, and a refusal leaves them.",
    auth=BODY_OR_COOKIE,
)

logout = operation(
    "logout",
    "End the session of a refresh token",
    {
        204: no_content("It has ended, or never was."),
        **malformed(BOTH, refresh=REQUIRED),
        **FORGED,
    },
    request=asked(SpendSerializer, "any token of the session", {"refresh": REFRESH}),
    description="However old or expired the token is, its session ends. What is no token of ours "
    "ends nothing and is no error. A browser forgets its cookies.",
    auth=BODY_OR_COOKIE,
)

logout_all = operation(
    "logoutAll",
    "End every session",
    {
        200: given(EndedSerializer, "They have ended.", "two devices", {"ended": 2}),
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="sessions",
)

logout_others = operation(
    "logoutOthers",
    "End every session but this one",
    {
        200: given(EndedSerializer, "They have ended.", "one other device", {"ended": 1}),
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="sessions",
)

verify = operation(
    "verify",
    "Ask whether an access token is accepted",
    {
        200: given(NOTHING, "It would be accepted now.", "accepted", {}),
        **malformed(token=REQUIRED),
        401: refused("It would not; a refresh token never is.", refused=NOT_VALID),
        **THROTTLED,
    },
    request=asked(VerifySerializer, "living token", {"token": ACCESS}),
)

list_sessions = operation(
    "listSessions",
    "List the devices that are signed in",
    {
        200: given(
            SessionSerializer(many=True),
            "The newest sign-in first.",
            "one device",
            {
                "id": SID,
                "kind": "token",
                "device": "phone",
                "ip_address": "192.0.2.7",
                "user_agent": "Latchkey/1.0",
                "created_at": "2026-05-04T09:30:00.000000Z",
                "last_used_on": "2026-05-06",
                "expires_at": "2026-08-02T09:30:00.000000Z",
                "current": True,
            },
        ),
        **UNAUTHENTICATED,
    },
    tag="sessions",
)

end_session = operation(
    "endSession",
    "End one session",
    {
        204: no_content("It has ended."),
        **UNAUTHENTICATED,
        **FORGED,
        404: refused(
            "This user has no such session.", of_somebody_else=("not_found", "Not found.")
        ),
    },
    tag="sessions",
    parameters=(
        OpenApiParameter(
            "sid", OpenApiTypes.UUID, OpenApiParameter.PATH, description="`id` in the list."
        ),
    ),
)
