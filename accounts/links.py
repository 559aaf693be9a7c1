"""The links that are sent by mail: signed, expiring, of use once, and stored nowhere.

A link is made when its mail is sent. Both kinds expire after PASSWORD_RESET_TIMEOUT and lead to
PUBLIC_URL, whatever the Host header said.
"""

import hmac
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from accounts.models import User

EMAIL_SALT = "accounts.links.email"  # what its signature is for


def password_link(user: User) -> str:
    """Return the address of the page where this user chooses a password."""
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return page_url("password-link", uid=uid, token=default_token_generator.make_token(user))


def user_of_password_link(uid: str, token: str) -> User | None:
    """Return the active user whose link this is, if nothing it was built on has changed since."""
    try:
        pk = UUID(urlsafe_base64_decode(uid).decode())
    except ValueError:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    return user if user and default_token_generator.check_token(user, token) else None


def email_link(user: User, email: str, fingerprint: str) -> str:
    """Return the address of the page that makes `email` this user's address."""
    claims = {"user": str(user.pk), "email": email, "mark": fingerprint}
    return page_url("email-link", token=signing.dumps(claims, salt=EMAIL_SALT))


def read_email_token(token: str) -> dict[str, Any] | None:
    """Return `user`, `email` and `mark` of a token that is ours and not too old, or None."""
    try:
        claims: dict[str, Any] = signing.loads(
            token, salt=EMAIL_SALT, max_age=settings.PASSWORD_RESET_TIMEOUT
        )
    except signing.BadSignature:
        return None
    return claims


def claims_of_email_link(token: str) -> dict[str, Any] | None:
    """Return the same, if the link was not used yet and nothing it was built on has changed."""
    claims = read_email_token(token)
    if claims is None:
        return None
    user = User.objects.filter(pk=claims["user"], is_active=True).first()
    return claims if user and is_email_fingerprint(claims["mark"], user, claims["email"]) else None


def email_fingerprint(user: User, email: str) -> str:
    """Return what binds a change to `email` to the user as they are when they ask for it."""
    return _fingerprints(user, email)[0]


def is_email_fingerprint(fingerprint: str, user: User, email: str) -> bool:
    """Return whether the user is still as they were; secret key fallbacks are honoured."""
    return any(hmac.compare_digest(fingerprint, one) for one in _fingerprints(user, email))


def page_url(name: str, **query: str) -> str:
    """Return the public address of this page with this query."""
    return f"{settings.PUBLIC_URL}{reverse(name)}?{urlencode(query)}"


def _fingerprints(user: User, email: str) -> list[str]:
    # The moment of the last change never comes back, even if the old address does: used once.
    state = (str(user.pk), user.email, str(user.email_changed_at), user.password, email)
    value = "\n".join(state)
    return [
        salted_hmac(EMAIL_SALT, value, secret=secret, algorithm="sha256").hexdigest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
