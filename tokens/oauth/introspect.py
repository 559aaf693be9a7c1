"""Token introspection (RFC 7662), for service accounts with the scope `introspect`."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from tokens.errors import TokenRefusedError
from tokens.http.throttles import count
from tokens.oauth import openapi
from tokens.oauth.client_auth import authenticate_caller
from tokens.oauth.endpoint import OAuthView, parameters, required
from tokens.oauth.errors import OAuthError
from tokens.sessions.access import verify_access_token
from tokens.sessions.rotation import find_current

#: The claims of a refresh token that an answer contains. `gen` and `iat` are left out, because
#: they tell when the owner refreshes.
REFRESH_CLAIMS = ("iss", "sub", "exp", "sid")


class IntrospectView(OAuthView):
    """Say whether a token is valid now, and what it contains. The question changes nothing."""

    @openapi.introspect
    def post(self, request: Request) -> Response:
        form = parameters(request)
        caller = authenticate_caller(request, form)
        if "introspect" not in caller.scopes:
            raise OAuthError(
                "insufficient_scope", "The client needs the scope introspect.", status=403
            )
        count("introspect", caller.sub)
        return Response(describe(required(form, "token")))


def describe(raw: str) -> dict[str, Any]:
    """Return the answer of section 2.2; every token that is not valid gives the same one."""
    claims = describe_access_token(raw) or describe_refresh_token(raw)
    return {**claims, "active": bool(claims)}


def describe_access_token(raw: str) -> dict[str, Any]:
    """Return the claims of a valid access token, or nothing: no query."""
    try:
        token = verify_access_token(raw)
    except TokenRefusedError:
        return {}
    claims = {name: value for name, value in token.payload.items() if name != "actor_sids"}
    return {**claims, "token_type": "Bearer"}


def describe_refresh_token(raw: str) -> dict[str, Any]:
    """Return the claims of the current refresh token of a valid session, or nothing: one query."""
    try:
        token = find_current(raw)
    except TokenRefusedError:
        return {}
    return {
        **{name: token[name] for name in REFRESH_CLAIMS},
        "token_type": "refresh_token",
    }
