"""Token exchange (RFC 8693): a service calls the next service on behalf of a person.

The new token names the person as `sub` and the service as `act`. It has the person's `sid`, so it
becomes invalid together with the person's session.
"""

from typing import Any

from rest_framework.request import Request

from tokens.errors import InvalidAudienceError, TokenRefusedError
from tokens.http.throttles import count
from tokens.jwt.claims import AccessToken
from tokens.jwt.grants import allowed_audiences, choose_audience, choose_scope
from tokens.models import DeviceSession
from tokens.oauth.answers import token_answer
from tokens.oauth.client_auth import authenticate_client
from tokens.oauth.endpoint import required
from tokens.oauth.errors import OAuthError, invalid_request
from tokens.service_accounts.accounts import record_use
from tokens.sessions.access import verify_by_row

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
MAX_ACTORS = 5  # services in a chain of exchanges
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def grant(request: Request, form: dict[str, str]) -> dict[str, Any]:
    """Return an access token for another audience, with the person's `sub` and `sid`.

    The service account must list the audience. The scope is a subset of the subject token's, and
    the token expires no later. Raises InvalidClientError, OAuthError, InvalidScopeError,
    InvalidAudienceError, TokenTooLongError or Throttled. Executes two queries.
    """
    client = authenticate_client(request, form)
    count("client_token", client.client_id)
    subject = read_subject_token(form)
    actor = client.secret.session
    audience = choose_audience(exchange_audiences(actor), requested_audience(form))
    scope = choose_scope(str(subject.get("scope", "")).split(), form.get("scope"))
    token = subject.exchanged(
        actor, client.client_id, client.signer, scope=scope, audience=audience
    )
    record_use(client.secret)
    return token_answer(token, issued_token_type=ACCESS_TOKEN)


def exchange_audiences(session: DeviceSession) -> tuple[str, ...]:
    """Return the audiences that the account lists. The default of other grants does not count."""
    return allowed_audiences(session) if session.audience else ()


def requested_audience(form: dict[str, str]) -> str:
    """Return the one audience of the request, or raise OAuthError or InvalidAudienceError."""
    requested = {form[name] for name in ("audience", "resource") if name in form}
    if not requested:
        raise OAuthError("invalid_target", "Send the audience of the new token, or its resource.")
    if len(requested) != 1:
        raise InvalidAudienceError
    return requested.pop()


def read_subject_token(form: dict[str, str]) -> AccessToken:
    """Return the person's access token, or raise OAuthError: one query.

    An invalid subject token is `invalid_request` (RFC 8693, section 2.2.2).
    """
    raw = required(form, "subject_token")
    for name, default in (("subject_token_type", ""), ("requested_token_type", ACCESS_TOKEN)):
        if form.get(name, default) != ACCESS_TOKEN:
            raise invalid_request(f"The only supported {name} is {ACCESS_TOKEN}.")
    if "actor_token" in form:
        raise invalid_request("An actor_token is not supported: the client is the actor.")
    try:
        _, token = verify_by_row(raw)
    except TokenRefusedError as error:
        raise invalid_subject_token() from error
    if token.is_service:
        raise invalid_subject_token()
    if len(token.actor_sids) >= MAX_ACTORS:
        raise invalid_request(f"A token can be exchanged at most {MAX_ACTORS} times.")
    return token


def invalid_subject_token() -> OAuthError:
    return invalid_request("The subject_token is not a valid access token of a person.")
