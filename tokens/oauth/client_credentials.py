"""The client credentials grant (RFC 6749, section 4.4): an access token for a service account."""

from typing import Any

from rest_framework.request import Request

from tokens.http.throttles import count
from tokens.oauth.answers import token_answer
from tokens.oauth.client_auth import authenticate_client
from tokens.service_accounts.accounts import issue, record_use


def grant(request: Request, form: dict[str, str]) -> dict[str, Any]:
    """Return an access token and no refresh token, because the client has its secret (4.4.3).

    Raises InvalidClientError, InvalidScopeError, InvalidAudienceError, TokenTooLongError or
    Throttled. Executes one query, and a second one at most once per hour and secret.
    """
    client = authenticate_client(request, form)
    count("client_token", client.client_id)
    token = issue(client, scope=form.get("scope"), audience=form.get("resource"))
    record_use(client.secret)
    return token_answer(token)
