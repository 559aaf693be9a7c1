"""The page that takes an access token apart. Its script verifies the signature in the browser."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.browser.sign_in import device_session
from accounts.pages.page import Page
from tokens.conf import conf
from tokens.crypto.encoding import from_base64url
from tokens.jwt.claims import AccessToken
from tokens.jwt.custom_claims import custom_claims
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession

HEADER = {
    "alg": _("The algorithm of the signature."),
    "kid": _("The name of the public key that verifies the signature, in the key set of the site."),
    "typ": _("The type of the token: an access token (RFC 9068)."),
}
CLAIMS = {
    "iss": _("The issuer: the site that signed the token."),
    "sub": _("The subject: the id of the account."),
    "aud": _("The audience: only a service with this name accepts the token."),
    "exp": _("When the token expires, in seconds since 1970."),
    "iat": _("When the token was issued."),
    "jti": _("The id of this token. An administrator can blacklist it."),
    "sid": _("The session. When it ends, all its tokens are refused."),
    "client_id": _("The program that asked for the token."),
    "token_type": _(
        "A refresh token has another value, so it is never accepted as an access token."
    ),
    "rv": _("The version of the roles. After a change of roles, older tokens are refused."),
    "auth_time": _("When the person signed in."),
    "roles": _("The roles of the person when the token was issued."),
    "scope": _("What the token allows, if it allows less than the account."),
    "status": _("The place of the session in the public list of ended sessions."),
}
OTHER = _("An additional claim of this site.")
TIMES = ("exp", "iat", "auth_time")


class TokenPage(Page):
    """Explains a new access token of the person, or of an invented person for a visitor.

    The token is for the audience `<issuer>/tokens/`, which no service has, so that a copy of the
    page is useless. No token that works is ever part of a page.
    """

    template_name = "token.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        signer = keyring.current().signer
        session = device_session(request)
        user = session.user if session else None
        if session is None or user is None:
            session, roles, claims = invented_session(), ["example"], {}
        else:
            roles = [*user.groups.order_by("name").values_list("name", flat=True)]
            claims = dict(custom_claims(user, session))
        token = AccessToken.mint(
            session,
            signer,
            scope=session.scope or "",
            audience=f"{conf().issuer}/tokens/",
            person={"roles": roles},
            claims=claims,
        )
        return self.show(**explained(str(token)), is_sample=user is None)


def invented_session() -> DeviceSession:
    """Return a session of an invented user. Neither of them is in the database."""
    now = timezone.now()
    return DeviceSession(
        pk=0,
        sid=uuid4(),
        user_id=uuid4(),
        auth_time=now,
        expires_at=now + timedelta(days=1),
    )


def explained(token: str) -> dict[str, Any]:
    """Return the parts of the token, and its header and claims with an explanation of each."""
    parts = token.split(".")
    header, claims = (json.loads(from_base64url(part)) for part in parts[:2])
    return {
        "parts": dict(zip(("header", "claims", "signature"), parts, strict=True)),
        "size": len(token),
        "expires_at": claims["exp"],
        "header": [(name, value, HEADER.get(name, OTHER), None) for name, value in header.items()],
        "claims": [
            (name, shown(value), CLAIMS.get(name, OTHER), moment(name, value))
            for name, value in claims.items()
        ],
    }


def shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def moment(name: str, value: Any) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if name in TIMES else None
