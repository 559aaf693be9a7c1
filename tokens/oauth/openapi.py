"""The OpenAPI description of the OAuth endpoints. Nothing here runs while they answer."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)
from rest_framework import serializers

from tokens.api.openapi.answers import IDEMPOTENCY, RETRY_AFTER
from tokens.api.openapi.examples import ACCESS, REFRESH, example
from tokens.oauth import exchange

Method = TypeVar("Method", bound=Callable[..., Any])
FORM = "application/x-www-form-urlencoded"
CLIENT_ID = "2f1a3c60-6f0e-4f59-8a3b-0d1c5f3f7a55"
CLIENT_SECRET = "latchkey_" + "0" * 32 + "2wjyrI"

#: A parameter that a request can leave out, or send without a value.
optional = partial(serializers.CharField, required=False, allow_blank=True)


class TokenRequestSerializer(serializers.Serializer[None]):
    """The parameters of the token endpoint. A parameter without a value counts as omitted."""

    grant_type = serializers.CharField(
        help_text=f"`refresh_token`, `client_credentials` or `{exchange.GRANT_TYPE}`."
    )
    refresh_token = optional()
    client_id = optional(
        help_text="Instead of HTTP Basic. With `refresh_token`, leave it out or send the "
        "`client_id` of the person's access token, and no secret."
    )
    client_secret = optional(help_text="Instead of HTTP Basic.")
    scope = optional(help_text="Names separated by spaces.")
    resource = optional(help_text="The audience (RFC 8707).")
    audience = optional(help_text="The audience of an exchange.")
    subject_token = optional(help_text="A person's access token.")
    subject_token_type = optional()
    requested_token_type = optional()


class TokenResponseSerializer(serializers.Serializer[None]):
    """A token; its lifetime is in seconds (RFC 6749, section 5.1)."""

    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField()
    scope = serializers.CharField(required=False)
    refresh_token = serializers.CharField(required=False)
    issued_token_type = serializers.CharField(required=False)


class RevokeRequestSerializer(serializers.Serializer[None]):
    """A refresh token, an access token or a service account's secret."""

    token = serializers.CharField()
    token_type_hint = optional()


class IntrospectRequestSerializer(serializers.Serializer[None]):
    """A token, and the credentials of the service account that asks."""

    token = serializers.CharField()
    token_type_hint = optional()
    client_id = optional(help_text="Instead of HTTP Basic.")
    client_secret = optional(help_text="Instead of HTTP Basic.")


class IntrospectionSerializer(serializers.Serializer[None]):
    """`{"active": false}`, or true and the claims of the token (RFC 7662, section 2.2)."""

    active = serializers.BooleanField()


class OAuthErrorSerializer(serializers.Serializer[None]):
    """An error of RFC 6749, section 5.2."""

    error = serializers.CharField()
    error_description = serializers.CharField()


def error(description: str, *examples: tuple[str, str]) -> OpenApiResponse:
    """Return an error answer, with an example of each code and sentence."""
    shown = [
        example(code.replace("_", " "), {"error": code, "error_description": sentence})
        for code, sentence in examples
    ]
    return OpenApiResponse(OAuthErrorSerializer, description, shown)


HEADERS = [
    OpenApiParameter(
        "WWW-Authenticate",
        str,
        OpenApiParameter.HEADER,
        required=True,
        description="The Basic challenge of a client that failed to authenticate.",
        response=[401],
    ),
    RETRY_AFTER,
]
COMMON: Mapping[int, OpenApiResponse] = {
    408: error("The body did not arrive in time."),
    411: error("Send a Content-Length."),
    413: error("The body is too large."),
    415: error("The body is not form-encoded, or it is compressed."),
    429: error("Too many requests. Retry-After says when to try again."),
    503: error("Try again: the token that was sent stays valid."),
}
UNAUTHORISED = error(
    "The client is unknown, disabled or expired, or has another secret.",
    ("invalid_client", "Client authentication failed."),
)


def operation(
    name: str,
    summary: str,
    body: type[serializers.Serializer[None]],
    examples: list[OpenApiExample],
    answers: Mapping[int, OpenApiResponse],
    *,
    auth: list[dict[str, list[str]]],
    parameters: tuple[OpenApiParameter, ...] = (),
) -> Callable[[Method], Method]:
    """Return the decorator that documents a view's method and leaves it as it is."""
    return extend_schema(
        operation_id=name,
        summary=summary,
        tags=["oauth"],
        request={FORM: OpenApiRequest(body, examples=examples)},
        responses={**answers, **COMMON},
        parameters=[*parameters, *HEADERS],
        auth=cast("Any", auth),
    )


CREDENTIALS = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

token = operation(
    "oauthToken",
    "Exchange a refresh token, client credentials or another token for a token",
    TokenRequestSerializer,
    [
        example("refresh token", {"grant_type": "refresh_token", "refresh_token": REFRESH}),
        example("client credentials", {"grant_type": "client_credentials", **CREDENTIALS}),
        example(
            "token exchange",
            {
                "grant_type": exchange.GRANT_TYPE,
                **CREDENTIALS,
                "subject_token": ACCESS,
                "subject_token_type": exchange.ACCESS_TOKEN,
                "audience": "https://payments.example.org",
            },
        ),
    ],
    {
        200: OpenApiResponse(TokenResponseSerializer, "A new token."),
        400: error(
            "The request or the token is not valid.",
            ("invalid_request", "The parameter grant_type is missing."),
            ("invalid_grant", "The token is invalid, expired or revoked."),
            ("invalid_scope", "A requested scope is unknown or not allowed."),
            ("invalid_target", "The requested audience is unknown or not allowed."),
            (
                "unsupported_grant_type",
                f"The grants are refresh_token, client_credentials, {exchange.GRANT_TYPE}.",
            ),
        ),
        401: UNAUTHORISED,
    },
    auth=[{}, {"clientSecret": []}],
    parameters=(IDEMPOTENCY,),
)
revoke = operation(
    "oauthRevoke",
    "Revoke the session of a token, or disable a secret",
    RevokeRequestSerializer,
    [example("refresh token", {"token": REFRESH})],
    {
        200: OpenApiResponse(
            {"type": "object"}, "The token is not valid any longer, or never was."
        ),
        400: error("No token was sent.", ("invalid_request", "The parameter token is missing.")),
    },
    auth=[{}],
)
introspect = operation(
    "oauthIntrospect",
    "Say whether a token is valid now, and what it contains",
    IntrospectRequestSerializer,
    [example("access token", {"token": ACCESS, **CREDENTIALS})],
    {
        200: OpenApiResponse(IntrospectionSerializer, "The state of the token."),
        400: error(
            "No token was sent, or the account has too many scopes for an access token.",
            ("invalid_request", "The parameter token is missing."),
        ),
        401: UNAUTHORISED,
        403: error(
            "The service account does not have the scope introspect.",
            ("insufficient_scope", "The client needs the scope introspect."),
        ),
    },
    auth=[{}, {"clientSecret": []}],
)
