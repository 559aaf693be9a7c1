"""The refresh token grant (RFC 6749, section 6): the same rotation as `/api/auth/refresh/`."""

from typing import Any

from rest_framework.request import Request

from tokens.http.client_address import client_address
from tokens.http.refresh import idempotency_key, parse_and_count
from tokens.http.request_context import state_of
from tokens.jwt.claims import RefreshToken
from tokens.jwt.grants import allowed_audiences, allowed_scopes, choose_audience, choose_scope
from tokens.models import DeviceSession
from tokens.oauth.answers import pair_answer
from tokens.oauth.client_auth import check_client
from tokens.oauth.endpoint import required
from tokens.sessions.replay import Verdict, judge
from tokens.sessions.rotation import rotate

#: The verdicts for which the client receives a pair.
ACCEPTED = (Verdict.CURRENT, Verdict.REPLAY)


def grant(request: Request, form: dict[str, str]) -> dict[str, Any]:
    """Return the next pair. `scope` and `resource` narrow its access token only.

    They and the client are checked before the refresh token is spent, so an invalid one changes
    nothing. Raises InvalidClientError, OAuthError, Throttled, InvalidScopeError,
    InvalidAudienceError and the errors of `rotate`.
    """
    key, ip_address = idempotency_key(request), client_address(request)
    check_client(request, form)
    token = parse_and_count(required(form, "refresh_token"), ip_address)
    narrowing = read_narrowing(token, form, key)
    pair = rotate(token, retry_key=key, ip_address=ip_address)
    state_of(request._request).session = pair.session
    if narrowing:
        pair.narrow(**narrowing)
    return pair_answer(pair)


def read_narrowing(
    token: RefreshToken, form: dict[str, str], retry_key: str | None
) -> dict[str, str]:
    """Return the requested scope and audience, which the session must have: one query.

    Returns nothing, without a query, if the request names neither, and for a token that `rotate`
    refuses anyway: it must recognise reuse.
    """
    if not {"scope", "resource"} & form.keys():
        return {}
    session = DeviceSession.objects.filter(sid=token.sid, revoked_at=None).first()
    if session is None or judge(token, session, retry_key) not in ACCEPTED:
        return {}
    audiences = allowed_audiences(session)
    if not audiences and "resource" not in form:  # `rotate` refuses the session.
        return {}
    return {
        "scope": choose_scope(allowed_scopes(session), form.get("scope")),
        "audience": choose_audience(audiences, form.get("resource")),
    }
