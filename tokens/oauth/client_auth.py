"""Client authentication: HTTP Basic, or `client_id` and `client_secret` in the form.

RFC 6749, section 2.3.1. The two parts of Basic credentials are form-encoded before they are joined
by a colon, so they are decoded after they are split.
"""

import base64
import binascii
from urllib.parse import unquote_plus

from rest_framework.request import Request

from tokens.conf import conf
from tokens.errors import InvalidClientError
from tokens.http.failed_clients import counted_failures
from tokens.http.request_context import state_of
from tokens.jwt.claims import AccessToken
from tokens.oauth.errors import OAuthError, invalid_request
from tokens.service_accounts.accounts import ServiceClient, authenticate
from tokens.service_accounts.cache import verify_secret


def credentials(request: Request, form: dict[str, str]) -> tuple[str, str] | None:
    """Return the client id and secret of the request, or None if it presents no secret.

    Raises InvalidClientError if the header cannot be read, and OAuthError if the request uses both
    methods.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, encoded = header.strip().partition(" ")
    in_form = "client_secret" in form
    if scheme.lower() != "basic":
        return (form.get("client_id", ""), form["client_secret"]) if in_form else None
    if in_form:
        raise invalid_request("Send the client secret in the header or in the form, not in both.")
    client_id, secret = decode_basic(encoded.strip())
    if form.get("client_id", client_id) != client_id:
        raise invalid_request("The client_id of the form differs from that of the header.")
    return client_id, secret


def decode_basic(encoded: str) -> tuple[str, str]:
    """Return the id and secret of Basic credentials, or raise InvalidClientError."""
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError from error
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise InvalidClientError
    return unquote_plus(client_id), unquote_plus(secret)


def authenticate_client(request: Request, form: dict[str, str]) -> ServiceClient:
    """Return the authenticated service account: one query.

    Raises InvalidClientError, or Throttled after too many failures from one network.
    """
    client_id, secret = require_credentials(request, form)
    with counted_failures(request):
        client = authenticate(secret, client_id=client_id)
    state_of(request._request).client_id = client.client_id
    return client


def check_client(request: Request, form: dict[str, str]) -> None:
    """Raise an error unless the client of a refresh is allowed (RFC 6749, section 6).

    Refresh tokens are issued to the site's own client, which has no secret. A service account may
    refresh on behalf of it, and must authenticate: one query. Raises OAuthError if the request
    names another client, and the errors of `authenticate_client`.
    """
    own, presented = conf().CLIENT_ID, credentials(request, form)
    if presented is None:
        if form.get("client_id", own) != own:
            raise OAuthError("invalid_grant", "The refresh token was issued to another client.")
    elif presented != (own, ""):  # A public client has an empty secret.
        authenticate_client(request, form)


def authenticate_caller(request: Request, form: dict[str, str]) -> AccessToken:
    """Return what the client may do, as an access token: no query in steady state.

    Raises InvalidClientError, TokenTooLongError, or Throttled after too many failures from one
    network.
    """
    client_id, secret = require_credentials(request, form)
    with counted_failures(request):
        token = verify_secret(secret)
        if token.sub != client_id:
            raise InvalidClientError
    state_of(request._request).client_id = client_id
    return token


def require_credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Return the client id and secret of the request, or raise InvalidClientError."""
    presented = credentials(request, form)
    if presented is None:
        raise InvalidClientError
    return presented
