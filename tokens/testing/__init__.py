"""Signed-in clients and requests for the tests of an API. Only tests import this package.

They send a real access token of a real device session, so a test exercises the same code as a
request in production. `tokens.testing.plugin` has the pytest fixture.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.http import HttpRequest
from rest_framework.test import APIClient

from tokens.http.authentication import TokenUser
from tokens.jwt.claims import AccessToken
from tokens.keys.keyring import keyring
from tokens.models import ServiceAccount
from tokens.revocation import snapshot
from tokens.service_accounts.accounts import authenticate, create_secret, issue
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

    def sign_in(
        self,
        user: AbstractUser,
        *,
        roles: Iterable[str] | None = None,
        scope: str | None = None,
        audience: str | None = None,
    ) -> None:
        """Send an access token of this user with each request. See `access_token`."""
        self.use(access_token(user, roles=roles, scope=scope, audience=audience))

    def use(self, token: str) -> None:
        """Send this access token with each request."""
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

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


def client_for(
    user: AbstractUser,
    *,
    roles: Iterable[str] | None = None,
    scope: str | None = None,
    audience: str | None = None,
) -> TokenClient:
    """Return a test client that is signed in to the API as this user. See `access_token`."""
    client = TokenClient()
    client.sign_in(user, roles=roles, scope=scope, audience=audience)
    return client


def client_for_program(*, scope: str = "", audience: str | None = None) -> TokenClient:
    """Return a test client that sends the token of a program. See `program_token`."""
    client = TokenClient()
    client.use(program_token(scope=scope, audience=audience))
    return client


def sign_in(
    request: HttpRequest,
    user: AbstractUser,
    *,
    roles: Iterable[str] | None = None,
    scope: str | None = None,
    audience: str | None = None,
) -> None:
    """Add an access token of this user to a request of a RequestFactory. See `access_token`."""
    token = access_token(user, roles=roles, scope=scope, audience=audience)
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"


def access_token(
    user: AbstractUser,
    *,
    roles: Iterable[str] | None = None,
    scope: str | None = None,
    audience: str | None = None,
) -> str:
    """Open a device session and return its access token.

    `roles` replaces the stored groups, and `scope` (names separated by spaces) and `audience` what
    the settings define. None of them has to exist. Raises ValueError if the user is inactive, is
    not saved, or has changed since it was read.
    """
    # The rows that an earlier test cached, signing keys included, were rolled back.
    forget_snapshot()
    pair = open_session(user, Device(label="test"))
    if pair is None:
        raise ValueError(f"The user {user} is inactive or differs from the stored one.")
    if roles is not None:
        pair.access["roles"] = sorted(roles)
    return _with_grant(pair.access, scope, audience)


def program_token(*, scope: str = "", audience: str | None = None) -> str:
    """Create a service account with a secret, and return its access token. See `access_token`."""
    forget_snapshot()
    account = ServiceAccount.objects.create(name=f"test {uuid4()}")
    _row, secret = create_secret(account, lifetime=timedelta(days=1))
    return _with_grant(issue(authenticate(secret)), scope, audience)


def _with_grant(token: AccessToken, scope: str | None, audience: str | None) -> str:
    """Return the signed token with this scope and audience; None leaves what it has."""
    if scope is not None:
        token.payload.pop("scope", None)
        token.payload.update({"scope": scope} if scope else {})
    if audience is not None:
        token["aud"] = audience
    return str(token)


def forget_snapshot() -> None:
    """Make the next request read the signing keys and the revocations from the database."""
    keyring.invalidate()
    snapshot.revocations.invalidate()
