"""The operations of the token endpoints in the OpenAPI document.

Each operation is a decorator of a view's method. The tests send every example to the site.
"""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
)

from tokens.api.openapi.answers import (
    BOTH,
    CONFLICT,
    FORBIDDEN,
    FORGED,
    IDEMPOTENCY,
    NOT_VALID,
    PEOPLE_ONLY,
    REQUIRED,
    THROTTLED,
    TOKEN_TOO_LARGE,
    TOO_LARGE,
    UNAUTHENTICATED,
    invalid_body,
    no_content,
    refusal,
    success,
)
from tokens.api.openapi.bodies import (
    NOTHING,
    EndedSerializer,
    PairSerializer,
    RefreshSerializer,
    SpendSerializer,
    VerifySerializer,
    request_body,
    text_object,
)
from tokens.api.openapi.examples import (
    ACCESS,
    CSRF,
    OLD_KEY,
    PAIR,
    REFRESH,
    SID,
    example,
)
from tokens.api.openapi.operation import operation
from tokens.api.openapi.security import BODY_OR_COOKIE
from tokens.api.serializers import ExchangeSerializer, LoginSerializer, SessionSerializer
from tokens.http.refresh import INVALID_KEY

csrf = operation(
    "csrf",
    "Get the CSRF token of this browser",
    {
        200: success(
            text_object("csrfToken"),
            "Send it as `X-CSRFToken` with every unsafe request that uses cookies.",
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
        200: success(PairSerializer, "Signed in.", "first pair", PAIR),
        **invalid_body(TOO_LARGE, TOKEN_TOO_LARGE, username=REQUIRED, password=REQUIRED),
        **FORGED,
        401: refusal(
            "The user is unknown or inactive, or the password is wrong. The response is the "
            "same for all.",
            no_such_account=(
                "no_active_account",
                "No active account was found with these credentials.",
            ),
        ),
        **THROTTLED,
    },
    request=request_body(
        LoginSerializer,
        "phone",
        {"username": "alice", "password": "seven wet otters", "device": "phone"},
    ),
    hashes=True,
    description='With `"transport": "cookie"` the response sets the tokens as cookies that no '
    "script can read, and its body contains no tokens. This request and every later unsafe "
    "request then need the CSRF token.",
)

exchange = operation(
    "exchange",
    "Exchange a key of an earlier app",
    {
        200: success(PairSerializer, "Signed in. The key is deleted.", "first pair", PAIR),
        **invalid_body(TOO_LARGE, TOKEN_TOO_LARGE, key=REQUIRED),
        401: refusal(
            "The key is unknown, expired or was exchanged before, or its user is inactive.",
            refused=NOT_VALID,
        ),
        **THROTTLED,
    },
    request=request_body(ExchangeSerializer, "a key", {"key": OLD_KEY, "device": "phone"}),
    description="Exists while `rest_framework.authtoken` or `knox` is installed.",
)

refresh = operation(
    "refresh",
    "Refresh the tokens",
    {
        200: success(PairSerializer, "Rotated.", "successor", {**PAIR, "generation": 2}),
        **invalid_body(
            example(
                "short key",
                {"Idempotency-Key": [INVALID_KEY]},
            ),
            BOTH,
            TOO_LARGE,
            refresh=REQUIRED,
        ),
        **FORGED,
        401: refusal(
            "The token is invalid, expired, revoked or reused. The response is the same for all.",
            refused=NOT_VALID,
        ),
        409: CONFLICT,
        **THROTTLED,
    },
    request=request_body(RefreshSerializer, "current token", {"refresh": REFRESH}),
    parameters=(IDEMPOTENCY,),
    description="Returns the next pair. Each refresh token can be used once. If the response is "
    "lost, repeat the request with the same `Idempotency-Key`, or without a key within a short "
    "grace period, and you receive the same refresh token again. A used token that is presented "
    "later revokes the whole session, because another client has a copy. With cookies, the "
    "response sets new cookies; a refusal does not change them.",
    auth=BODY_OR_COOKIE,
)

logout = operation(
    "logout",
    "Sign out: revoke the session of a refresh token",
    {
        204: no_content("The session is revoked, or the token is not from this site."),
        **invalid_body(BOTH, refresh=REQUIRED),
        **FORGED,
    },
    request=request_body(SpendSerializer, "any token of the session", {"refresh": REFRESH}),
    description="Revokes the session, even if the token is old or expired. A token that is not "
    "from this site is ignored. With cookies, the response deletes them.",
    auth=BODY_OR_COOKIE,
)

logout_all = operation(
    "logoutAll",
    "Revoke every session",
    {
        200: success(EndedSerializer, "The sessions are revoked.", "two devices", {"ended": 2}),
        **UNAUTHENTICATED,
        **FORBIDDEN,
    },
    tag="sessions",
)

logout_others = operation(
    "logoutOthers",
    "Revoke every other session",
    {
        200: success(
            EndedSerializer, "The sessions are revoked.", "one other device", {"ended": 1}
        ),
        **UNAUTHENTICATED,
        **FORBIDDEN,
    },
    tag="sessions",
)

verify = operation(
    "verify",
    "Check whether an access token is accepted",
    {
        200: success(NOTHING, "The token is accepted now.", "accepted", {}),
        **invalid_body(token=REQUIRED),
        401: refusal("The token is not accepted. A refresh token never is.", refused=NOT_VALID),
        **THROTTLED,
    },
    request=request_body(VerifySerializer, "valid token", {"token": ACCESS}),
)

list_sessions = operation(
    "listSessions",
    "List the devices that are signed in",
    {
        200: success(
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
        **PEOPLE_ONLY,
    },
    tag="sessions",
)

end_session = operation(
    "endSession",
    "Revoke one session",
    {
        204: no_content("The session is revoked."),
        **UNAUTHENTICATED,
        **FORBIDDEN,
        404: refusal("This user has no such session.", other_user=("not_found", "Not found.")),
    },
    tag="sessions",
    parameters=(
        OpenApiParameter(
            "sid", OpenApiTypes.UUID, OpenApiParameter.PATH, description="`id` in the list."
        ),
    ),
)
