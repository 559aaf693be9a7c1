"""The token endpoint (RFC 6749, section 3.2): one function per grant."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from tokens.oauth import client_credentials, exchange, openapi, refresh_token
from tokens.oauth.endpoint import OAuthView, parameters, required
from tokens.oauth.errors import OAuthError

Grant = Callable[[Request, dict[str, str]], dict[str, Any]]

GRANTS: dict[str, Grant] = {
    "refresh_token": refresh_token.grant,
    "client_credentials": client_credentials.grant,
    exchange.GRANT_TYPE: exchange.grant,
}


class GrantView(OAuthView):
    """Exchange a refresh token, client credentials or another access token for a token."""

    @openapi.token
    def post(self, request: Request) -> Response:
        form = parameters(request)
        grant = GRANTS.get(required(form, "grant_type"))
        if grant is None:
            raise OAuthError("unsupported_grant_type", f"The grants are {', '.join(GRANTS)}.")
        return Response(grant(request, form))
