"""The account endpoints in the OpenAPI document; see tokens/api/openapi/operations.py."""

from functools import partial

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from accounts.api import serializers
from tokens.api.openapi.answers import (
    PEOPLE_ONLY,
    REQUIRED,
    THROTTLED,
    TOKEN_TOO_LARGE,
    TOO_LARGE,
    UNAUTHENTICATED,
    VERIFIES_PASSWORD,
    invalid_body,
    no_content,
    success,
)
from tokens.api.openapi.bodies import (
    FieldErrorsSerializer,
    PairSerializer,
    request_body,
    text_object,
)
from tokens.api.openapi.examples import PAIR, example
from tokens.api.openapi.operation import operation

UID = "MGUwYTRkOGMtMWY2Yi00YjBlLTlhNTUtM2Q1YzVmMGY3YTEx"
LINK_TOKEN = "d0zq2k-4f0c2b9d1e7a4c55a6d3f8e2b1907c64"  # noqa: S105  # an example
PASSWORD, NEW_PASSWORD = "seven wet otters", "nine dry badgers"
ACCOUNT = {
    "id": "5b0e9a55-1f6b-4d8c-8e0a-3d5c5f0f7a11",
    "username": "alice",
    "email": "alice@example.org",
    "first_name": "",
    "last_name": "",
    "roles": ["editors"],
    "date_joined": "2026-05-04T09:30:00.000000Z",
}
USER_INFO = {
    "sub": ACCOUNT["id"],
    "preferred_username": "alice",
    "name": "alice",
    "email": "alice@example.org",
    "email_verified": False,
}
EVENTS = {
    "next": None,
    "results": [
        {
            "id": 4711,
            "kind": "session_ended",
            "created_at": "2026-05-06T17:12:00.000000Z",
            "count": 1,
            "reason": "logout",
            "about": "",
            "session": "0c8c8f0e-0f6e-4f6e-9a53-2f1c1f6b7d20",
            "device": "phone",
            "ip_address": "192.0.2.7",
            "by_administrator": False,
        }
    ],
}
WRONG_PASSWORD = example(
    "wrong password", {"current_password": ["This is not the current password."]}
)
NO_PASSWORD = example("no password", {"current_password": [REQUIRED]})
INVALID_LINK = example(
    "invalid link",
    {
        "detail": "This link is invalid or was used already. Ask for a new one.",
        "code": "invalid_link",
    },
)

account_operation = partial(operation, tag="account")

show = account_operation(
    "showAccount",
    "Show your account",
    {
        200: success(serializers.AccountSerializer, "The account.", "account", ACCOUNT),
        **UNAUTHENTICATED,
        **PEOPLE_ONLY,
    },
    description="Show the account of the caller, with the roles in the token.",
)

user_info = account_operation(
    "userInfo",
    "Show your account as OpenID Connect names it",
    {
        200: success(
            serializers.UserInfoSerializer, "The standard claims.", "user info", USER_INFO
        ),
        **UNAUTHENTICATED,
        **PEOPLE_ONLY,
    },
)

list_events = account_operation(
    "listEvents",
    "List your security events",
    {
        200: success(serializers.EventsSerializer, "The newest event first.", "one event", EVENTS),
        400: OpenApiResponse(
            FieldErrorsSerializer,
            "The parameter `before` is not an id.",
            [example("invalid id", {"before": ["This is not the id of an event."]})],
        ),
        **UNAUTHENTICATED,
        **PEOPLE_ONLY,
    },
    parameters=(
        OpenApiParameter(
            "before", OpenApiTypes.INT64, description="The id of the last event of the page before."
        ),
    ),
)

change = account_operation(
    "changeAccount",
    "Change names or e-mail address",
    {
        200: success(
            serializers.AccountSerializer,
            "The account. It has the old e-mail address until the new one is confirmed.",
            "renamed",
            {**ACCOUNT, "first_name": "Alice"},
        ),
        **invalid_body(WRONG_PASSWORD, NO_PASSWORD),
        **VERIFIES_PASSWORD,
    },
    request=request_body(
        serializers.AccountChangeSerializer, "first name", {"first_name": "Alice"}
    ),
    hashes=True,
    description="A new `email` needs `current_password`, and takes effect when the user follows "
    "the link that is mailed to it.",
)

delete = account_operation(
    "deleteAccount",
    "Delete your account",
    {
        204: no_content("The account is deleted, and every session is revoked."),
        **invalid_body(WRONG_PASSWORD, current_password=REQUIRED),
        **VERIFIES_PASSWORD,
    },
    request=request_body(
        serializers.CurrentPasswordSerializer, "the password", {"current_password": PASSWORD}
    ),
    hashes=True,
    description="Delete the account of the caller, who sends the current password again.",
)

confirm_email = account_operation(
    "confirmEmail",
    "Confirm a new e-mail address",
    {
        204: no_content("The account has the new address."),
        **invalid_body(INVALID_LINK, token=REQUIRED),
        **THROTTLED,
    },
    request=request_body(
        serializers.EmailConfirmSerializer, "from the mail", {"token": LINK_TOKEN}
    ),
)

change_password = account_operation(
    "changePassword",
    "Change your password",
    {
        200: success(
            PairSerializer, "The pair of a new session for this device.", "first pair", PAIR
        ),
        **invalid_body(
            WRONG_PASSWORD,
            TOO_LARGE,
            TOKEN_TOO_LARGE,
            current_password=REQUIRED,
            new_password=REQUIRED,
        ),
        **VERIFIES_PASSWORD,
    },
    request=request_body(
        serializers.PasswordSerializer,
        "both passwords",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    ),
    hashes=True,
)

reset = account_operation(
    "resetPassword",
    "Request a link to choose a new password",
    {
        202: success(
            text_object("detail"),
            "The response does not tell whether the address has an account.",
            "accepted",
            {"detail": "If there is such an account, a mail is on its way."},
        ),
        **invalid_body(email=REQUIRED),
        **THROTTLED,
    },
    request=request_body(serializers.ResetSerializer, "address", {"email": "alice@example.org"}),
)

confirm_reset = account_operation(
    "confirmReset",
    "Choose a new password with a link",
    {
        204: no_content("The password is changed, and every session is revoked."),
        **invalid_body(INVALID_LINK, uid=REQUIRED, token=REQUIRED, new_password=REQUIRED),
        **THROTTLED,
    },
    request=request_body(
        serializers.ResetConfirmSerializer,
        "from the mail",
        {"uid": UID, "token": LINK_TOKEN, "new_password": NEW_PASSWORD},
    ),
    hashes=True,
)
