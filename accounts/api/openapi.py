"""What the OpenAPI document says of the account endpoints; see tokens/api/openapi/operations.py."""

from accounts.api import serializers
from tokens.api.openapi.answers import (
    FORGED,
    REQUIRED,
    THROTTLED,
    TOO_LARGE,
    UNAUTHENTICATED,
    invalid_body,
    no_content,
    success,
)
from tokens.api.openapi.bodies import PairSerializer, request_body
from tokens.api.openapi.examples import PAIR, example
from tokens.api.openapi.operation import operation

UID = "MGUwYTRkOGMtMWY2Yi00YjBlLTlhNTUtM2Q1YzVmMGY3YTEx"
LINK_TOKEN = "d0zq2k-4f0c2b9d1e7a4c55a6d3f8e2b1907c64"  # noqa: S105  # stands for one from a mail
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

show = operation(
    "showAccount",
    "Show one's own account",
    {
        200: success(serializers.AccountSerializer, "The account.", "account", ACCOUNT),
        **UNAUTHENTICATED,
    },
    tag="account",
)

change = operation(
    "changeAccount",
    "Change names or e-mail address",
    {
        200: success(
            serializers.AccountSerializer,
            "The account as it is now, still with the old address.",
            "renamed",
            {**ACCOUNT, "first_name": "Alice"},
        ),
        **invalid_body(WRONG_PASSWORD, NO_PASSWORD),
        **THROTTLED,
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="account",
    request=request_body(
        serializers.AccountChangeSerializer, "first name", {"first_name": "Alice"}
    ),
    hashes=True,
    description="A new `email` needs `current_password`, and takes effect when the link that is "
    "mailed to it is followed. Until then the account is shown with the old address.",
)

delete = operation(
    "deleteAccount",
    "Delete one's own account",
    {
        204: no_content("It is deleted, and every session has ended."),
        **invalid_body(WRONG_PASSWORD, current_password=REQUIRED),
        **THROTTLED,
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="account",
    request=request_body(
        serializers.CurrentPasswordSerializer, "the password", {"current_password": PASSWORD}
    ),
    hashes=True,
)

confirm_email = operation(
    "confirmEmail",
    "Confirm a new e-mail address",
    {
        204: no_content("It is the account's now."),
        **invalid_body(INVALID_LINK, token=REQUIRED),
        **THROTTLED,
    },
    tag="account",
    request=request_body(
        serializers.EmailConfirmSerializer, "from the mail", {"token": LINK_TOKEN}
    ),
)

change_password = operation(
    "changePassword",
    "Change one's password",
    {
        200: success(PairSerializer, "A new session for this device.", "first pair", PAIR),
        **invalid_body(WRONG_PASSWORD, TOO_LARGE, current_password=REQUIRED, new_password=REQUIRED),
        **THROTTLED,
        **UNAUTHENTICATED,
        **FORGED,
    },
    tag="account",
    request=request_body(
        serializers.PasswordSerializer,
        "both passwords",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    ),
    hashes=True,
)

reset = operation(
    "resetPassword",
    "Ask for a link to choose a new password",
    {
        202: success(
            {
                "type": "object",
                "properties": {"detail": {"type": "string"}},
                "required": ["detail"],
            },
            "Always, whoever's the address is.",
            "accepted",
            {"detail": "If there is such an account, a mail is on its way."},
        ),
        **invalid_body(email=REQUIRED),
        **THROTTLED,
    },
    tag="account",
    request=request_body(serializers.ResetSerializer, "address", {"email": "alice@example.org"}),
)

confirm_reset = operation(
    "confirmReset",
    "Choose a new password with a link",
    {
        204: no_content("It is changed, and every session has ended."),
        **invalid_body(INVALID_LINK, uid=REQUIRED, token=REQUIRED, new_password=REQUIRED),
        **THROTTLED,
    },
    tag="account",
    request=request_body(
        serializers.ResetConfirmSerializer,
        "from the mail",
        {"uid": UID, "token": LINK_TOKEN, "new_password": NEW_PASSWORD},
    ),
    hashes=True,
)
