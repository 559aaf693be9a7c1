"""The links in mails. They are signed, expire, work once, and are not stored.

The worker makes a link when it sends the mail. Both kinds expire after PASSWORD_RESET_TIMEOUT and
lead to PUBLIC_URL, not to the Host header of a request.
"""

import hmac
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from accounts.models import User

EMAIL_SALT = "accounts.links.email"  # separates these signatures from others


class PasswordTokens(PasswordResetTokenGenerator):
    """The tokens of links to choose a password: Django's, for another state of the user.

    A sign-in leaves a token valid: a thief who knows the old password could cancel each link of
    the owner by signing in. A change of the address makes it invalid, even if it is undone.
    """

    key_salt = "accounts.links.password"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        state = (user.pk, user.password, user.email, user.email_changed_at, timestamp)
        return "\n".join(map(str, state))


password_tokens = PasswordTokens()


def password_link(user: User) -> str:
    """Return the URL of the page where this user chooses a password."""
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return page_url("password-link", uid=uid, token=password_tokens.make_token(user))


def user_of_password_link(uid: str, token: str, users: QuerySet[User] | None = None) -> User | None:
    """Return the active user of this link, or None if it is invalid or the user has changed."""
    try:
        pk = UUID(urlsafe_base64_decode(uid).decode())
    except ValueError:
        return None
    users = User.objects.all() if users is None else users
    user = users.filter(pk=pk, is_active=True).first()
    return user if user and password_tokens.check_token(user, token) else None


def email_link(user: User, email: str, fingerprint: str) -> str:
    """Return the URL of the page that makes `email` this user's address."""
    claims = {"user": str(user.pk), "email": email, "mark": fingerprint}
    return page_url("email-link", token=signing.dumps(claims, salt=EMAIL_SALT))


def read_email_token(token: str) -> dict[str, Any] | None:
    """Return `user`, `email` and `mark` of a valid token that has not expired, or None."""
    try:
        claims: dict[str, Any] = signing.loads(
            token, salt=EMAIL_SALT, max_age=settings.PASSWORD_RESET_TIMEOUT
        )
    except signing.BadSignature:
        return None
    return claims


def claims_of_email_link(token: str) -> dict[str, Any] | None:
    """Return the claims of a link that can still change the address, or None."""
    claims = read_email_token(token)
    if claims is None:
        return None
    user = User.objects.filter(pk=claims["user"], is_active=True).first()
    return claims if user and is_email_fingerprint(claims["mark"], user, claims["email"]) else None


def email_fingerprint(user: User, email: str) -> str:
    """Return a fingerprint of the user's present state and the new `email`."""
    return _fingerprints(user, email)[0]


def is_email_fingerprint(fingerprint: str, user: User, email: str) -> bool:
    """Return whether the user is unchanged; fallbacks of the secret key are accepted."""
    return any(hmac.compare_digest(fingerprint, one) for one in _fingerprints(user, email))


def page_url(name: str, **query: str) -> str:
    """Return the public URL of this page with this query."""
    return f"{settings.PUBLIC_URL}{reverse(name)}?{urlencode(query)}"


def _fingerprints(user: User, email: str) -> list[str]:
    # The time of the last change makes a link work once, even if the old address is set again.
    state = (str(user.pk), user.email, str(user.email_changed_at), user.password, email)
    value = "\n".join(state)
    return [
        salted_hmac(EMAIL_SALT, value, secret=secret, algorithm="sha256").hexdigest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
