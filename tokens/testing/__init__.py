"""Signed-in clients and requests for the tests of an API. Only tests import this package.

They send a real access token of a real device session, so a test exercises the same code as a
request in production. `tokens.testing.plugin` has the pytest fixture.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.http import HttpRequest
from rest_framework.test import APIClient

from tokens.http.authentication import TokenUser
from tokens.jwt.claims import AccessToken
from tokens.keys.keyring import keyring
from tokens.revocation import snapshot
from tokens.sessions.lifecycle import Device, open_session


class TokenClient(APIClient):
    """Django REST framework's test client, with a method that signs in to the API.

    Each request sees every earlier revocation, although the transaction of a test is never
    committed.
    """

    _seen: list[Any] | None = None  # the callbacks that waited for the commit at the last request

    def request(self, **kwargs: Any) -> Any:
        # A revocation invalidates the snapshot when its transaction is committed. Without a new
        # callback the snapshot stays cached, so that a test can count the queries of a view.
        waiting = list(transaction.get_connection().run_on_commit)
        if waiting != self._seen:
            forget_snapshot()
            self._seen = waiting
        return super().request(**kwargs)

    def sign_in(self, user: AbstractUser, *, roles: Iterable[str] | None = None) -> None:
        """Send an access token of this user with each request. See `access_token`."""
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(user, roles=roles)}")

    def force_login(self, user: Any, backend: str | None = None) -> None:
        """Sign in to the pages, as Django's client does, and to the API."""
        super().force_login(user, backend)
        self.sign_in(user)

    def force_authenticate(self, user: Any = None, token: Any = None) -> None:
        """Authenticate each request as this user, and set `request.user` as in production."""
        if isinstance(user, AbstractUser) and token is None:
            token = AccessToken(access_token(user))
            user = TokenUser(token)
        super().force_authenticate(user, token)


def client_for(user: AbstractUser, *, roles: Iterable[str] | None = None) -> TokenClient:
    """Return a test client that is signed in to the API as this user. See `access_token`."""
    client = TokenClient()
    client.sign_in(user, roles=roles)
    return client


def sign_in(
    request: HttpRequest, user: AbstractUser, *, roles: Iterable[str] | None = None
) -> None:
    """Add an access token of this user to a request of a RequestFactory. See `access_token`."""
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {access_token(user, roles=roles)}"


def access_token(user: AbstractUser, *, roles: Iterable[str] | None = None) -> str:
    """Open a device session and return its access token, with these roles or the stored groups.

    Raises ValueError if the user is inactive, is not saved, or has changed since it was read.
    """
    # The rows that an earlier test cached, signing keys included, were rolled back.
    forget_snapshot()
    pair = open_session(user, Device(label="test"))
    if pair is None:
        raise ValueError(f"The user {user} is inactive or differs from the stored one.")
    if roles is not None:
        pair.access["roles"] = sorted(roles)
    return str(pair.access)


def forget_snapshot() -> None:
    """Make the next request read the signing keys and the revocations from the database."""
    keyring.invalidate()
    snapshot.revocations.invalidate()
