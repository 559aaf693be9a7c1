"""What the OpenAPI document says of the token endpoints; nothing here runs while they answer.

Each operation is a decorator that a view's method wears. Its examples are tried by the tests.
"""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
)

from tokens.api.openapi.answers import (
    BOTH,
    FORGED,
    NOT_VALID,
    REQUIRED,
    THROTTLED,
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
    SpendSerializer,
    VerifySerializer,
    request_body,
)
from tokens.api.openapi.examples import ACCESS, CSRF, IDEMPOTENCY_KEY, PAIR, REFRESH, SID, example
from tokens.api.openapi.operation import operation
from tokens.api.openapi.security import BODY_OR_COOKIE
from tokens.api.serializers import LoginSerializer, SessionSerializer

csrf = operation(
    "csrf",
    "Get the CSRF token of this browser",
    {
        200: success(
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
        200: success(PairSerializer, "Signed in.", "first pair", PAIR),
        **invalid_body(TOO_LARGE, username=REQUIRED, password=REQUIRED),
        **FORGED,
        401: refusal(
            "Unknown, wrong or inactive: which of them is not told.",
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
    description='With `"transport": "cookie"` the tokens are in cookies that no script reads, and '
    "not in the answer; the call then needs the CSRF token, and so does every unsafe one after it.",
)

refresh = operation(
    "refresh",
    "Spend a refresh token",
    {
        200: success(PairSerializer, "Rotated.", "successor", {**PAIR, "generation": 2}),
        **invalid_body(
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
        401: refusal(
            "Bad, expired, ended, reused or foreign: which of them is not told.", refused=NOT_VALID
        ),
        409: refusal(
            "Another request has just spent the token. Nothing is given, nothing has ended: "
            "read again what your other tab or thread has stored.",
            already_rotated=(
                "already_rotated",
                "This refresh token was rotated a moment ago by another request.",
            ),
        ),
        **THROTTLED,
    },
    request=request_body(SpendSerializer, "current token", {"refresh": REFRESH}),
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
        **invalid_body(BOTH, refresh=REQUIRED),
        **FORGED,
    },
    request=request_body(SpendSerializer, "any token of the session", {"refresh": REFRESH}),
    description="However old or expired the token is, its session ends. What is no token of ours "
    "ends nothing and is no error. A browser forgets its cookies.",
    auth=BODY_OR_COOKIE,
)

logout_all = operation(
    "logoutAll",
    "End every session",
    {
        200: success(EndedSerializer, "They have ended.", "two devices", {"ended": 2}),
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="sessions",
)

logout_others = operation(
    "logoutOthers",
    "End every session but this one",
    {
        200: success(EndedSerializer, "They have ended.", "one other device", {"ended": 1}),
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="sessions",
)

verify = operation(
    "verify",
    "Ask whether an access token is accepted",
    {
        200: success(NOTHING, "It would be accepted now.", "accepted", {}),
        **invalid_body(token=REQUIRED),
        401: refusal("It would not; a refresh token never is.", refused=NOT_VALID),
        **THROTTLED,
    },
    request=request_body(VerifySerializer, "living token", {"token": ACCESS}),
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
        404: refusal(
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
