"""Token revocation (RFC 7009)."""

from rest_framework.request import Request
from rest_framework.response import Response

from tokens.http.client_address import client_address
from tokens.http.throttles import count
from tokens.oauth import openapi
from tokens.oauth.endpoint import OAuthView, parameters, required
from tokens.revocation.blacklist import revoke_token
from tokens.service_accounts.accounts import disable_secret
from tokens.sessions.networks import client_network


class RevokeView(OAuthView):
    """Revoke the session of a refresh token or access token, or disable a service secret.

    The answer is 200 for every text: the client cannot do more about an unknown token (section
    2.2). Possession of the token is the authorisation.
    """

    @openapi.revoke
    def post(self, request: Request) -> Response:
        count("revoke", client_network(client_address(request)))
        token = required(parameters(request), "token")
        if not disable_secret(token):
            revoke_token(token)
        return Response({})
