"""Service accounts: create and disable secrets, and authenticate a program by its secret.

Each secret has one device session of kind `service`. Its row contains what tokens of the secret may
contain at most (`scope`, `audience`), and revoking it disables the secret. So the snapshot, the
status lists, the admin and the purge treat a service like any other session.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from secrets import token_bytes
from typing import Any, cast
from uuid import UUID, uuid4

from django.db import connections, router, transaction
from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Least
from django.utils import timezone

from tokens import signals
from tokens.errors import DuplicateSecretError, InvalidClientError
from tokens.jwt.claims import AccessToken, epoch
from tokens.jwt.custom_claims import custom_claims
from tokens.jwt.grants import allowed_audiences, allowed_scopes, choose_audience, choose_scope
from tokens.keys.jwk import KeyPair
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Kind, Reason, ServiceAccount, ServiceSecret
from tokens.models.session import DeviceSessionQuerySet
from tokens.service_accounts import secrets
from tokens.sessions.prepared import fetch_one, instances, listed

#: A secret's last use is written again only after this time.
USE_INTERVAL = timedelta(hours=1)
DEFAULT_LIFETIME = timedelta(days=365)
MAX_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True)
class ServiceClient:
    """A program that has authenticated with this secret."""

    secret: ServiceSecret
    #: The signing key before the row was read: it has seen every older revocation.
    signer: KeyPair

    @property
    def client_id(self) -> str:
        """The id of the account, which is the `sub` and `client_id` of its tokens."""
        return str(self.secret.account_id)


def create_secret(
    account: ServiceAccount, *, lifetime: timedelta, created_by: Any = None, sid: UUID | None = None
) -> tuple[ServiceSecret, str]:
    """Return a new secret of the account: its row, and the text, which is stored nowhere.

    The account's other secrets stay valid, so that a program can change to the new one first. The
    caller can choose the id of the session, `sid`. Raises DuplicateSecretError if a session has
    this id, so that a repeated request creates nothing.
    """
    text, now = secrets.generate(), timezone.now()
    prefix = text[: secrets.SHOWN_LENGTH]
    with transaction.atomic():
        # A change of the account either sees the new session or is seen here.
        account = ServiceAccount.objects.select_for_update().get(pk=account.pk)
        session = _create_session(account, prefix, now, lifetime, sid or uuid4())
        secret = ServiceSecret.objects.create(
            account=account,
            session=session,
            prefix=prefix,
            digest=secrets.digest(text),
            created_at=now,
            created_by=created_by,
            expires_at=session.expires_at,
        )
        signals.publish(signals.service_secret_created, secret=secret)
    return secret, text


def _create_session(
    account: ServiceAccount, prefix: str, now: datetime, lifetime: timedelta, sid: UUID
) -> DeviceSession:
    """Add the session of a new secret, or raise DuplicateSecretError if the `sid` is taken."""
    expires_at = now + lifetime
    session, is_new = DeviceSession.objects.get_or_create(
        sid=sid,
        defaults={
            "kind": Kind.SERVICE,
            "secret_hash": token_bytes(32),  # of a refresh token that does not exist
            "nonce": token_bytes(16),
            "credential_tag": token_bytes(32),
            "created_at": now,
            "rotated_at": now,
            "idle_expires_at": min(expires_at, account.expires_at or expires_at),
            "expires_at": expires_at,
            "auth_time": now,
            "device": f"{account.name}, {prefix}"[:100],
            "scope": account.scope,
            "audience": account.audience,
        },
    )
    if not is_new:
        raise DuplicateSecretError
    if not account.is_active:
        DeviceSession.objects.filter(pk=session.pk).revoke(Reason.DEACTIVATED)
    return session


def authenticate(text: str, *, client_id: str | None = None) -> ServiceClient:
    """Return the service account of this secret: one query.

    Raises InvalidClientError, without a query if the text is not well formed, if the secret is
    unknown, disabled, expired, or of another account than `client_id`.
    """
    signer = keyring.current().signer
    secret = find_secret(text)
    if secret is None or client_id not in (None, str(secret.account_id)):
        raise InvalidClientError
    if not secret.is_active:
        raise InvalidClientError
    return ServiceClient(secret, signer)


def record_use(secret: ServiceSecret) -> None:
    """Store the time of use, at most once in USE_INTERVAL; one of several callers writes.

    The first use sends a signal.
    """
    now = timezone.now()
    if secret.last_used_at is not None and now - secret.last_used_at < USE_INTERVAL:
        return
    unchanged = ServiceSecret.objects.filter(pk=secret.pk, last_used_at=secret.last_used_at)
    written = unchanged.update(last_used_at=now)
    if written and secret.last_used_at is None:
        signals.publish(signals.service_secret_used, secret=secret)
    secret.last_used_at = now


def find_secret(text: str) -> ServiceSecret | None:
    """Return the secret of this text with its account and session, also a disabled one: one query.

    Returns None if the secret does not exist, without a query if the text is not well formed.
    """
    if not secrets.is_well_formed(text):
        return None
    connection = connections[router.db_for_write(ServiceSecret)]
    row = fetch_one(connection, _find_by_digest(), {"digest": secrets.digest(text)})
    if row is None:
        return None
    models = ServiceSecret, ServiceAccount, DeviceSession
    secret, secret.account, secret.session = instances(connection, models, row)
    return cast("ServiceSecret", secret)


@cache
def _find_by_digest() -> str:
    return f"""
        SELECT
            {listed(ServiceSecret, "secret")},
            {listed(ServiceAccount, "account")},
            {listed(DeviceSession, "session")}
        FROM tokens_servicesecret AS secret
        JOIN tokens_serviceaccount AS account ON account.id = secret.account_id
        JOIN tokens_devicesession AS session ON session.id = secret.session_id
        WHERE secret.digest = %(digest)s
        """.strip()  # noqa: S608  (names of columns)


def disable(secret: ServiceSecret) -> bool:
    """Disable the secret; return whether this caller did it."""
    return bool(DeviceSession.objects.filter(pk=secret.session_id).revoke(Reason.ADMIN))


def disable_secret(text: str) -> bool:
    """Disable the secret of this text; return whether this caller did it."""
    secret = find_secret(text)
    return secret is not None and disable(secret)


def issue(
    client: ServiceClient, *, scope: str | None = None, audience: str | None = None
) -> AccessToken:
    """Return an access token of this service account: no query.

    Raises InvalidScopeError or InvalidAudienceError if the account does not have the requested one.
    """
    secret, session = client.secret, client.secret.session
    token = AccessToken.mint(
        session,
        client.signer,
        scope=choose_scope(allowed_scopes(session), scope),
        audience=choose_audience(allowed_audiences(session), audience),
        service=client.client_id,
        claims=custom_claims(secret.account, session),
    )
    token["exp"] = min(token["exp"], epoch(secret.ends_at))
    return token


def sessions_of(account: ServiceAccount) -> DeviceSessionQuerySet:
    """Return the sessions of this account's secrets."""
    secrets_of_account = ServiceSecret.objects.filter(account=account.pk)
    return DeviceSession.objects.filter(pk__in=secrets_of_account.values("session"))


def on_account_saved(instance: ServiceAccount, **kwargs: Any) -> None:
    """Apply a saved service account to its sessions, in the transaction that saves it.

    The sessions of a disabled account are revoked. If scope, audience or expiry changed, the
    sessions get a new roles version: outstanding access tokens are refused, and the program fetches
    others. `idle_expires_at` contains the earlier expiry of account and secret.
    """
    sessions = sessions_of(instance)
    if not instance.is_active:
        sessions.revoke(Reason.DEACTIVATED)
        return
    ends_at: Any = F("expires_at")
    if instance.expires_at:
        ends_at = Least(ends_at, Value(instance.expires_at, DateTimeField()))
    granted = {
        "scope": instance.scope,
        "audience": instance.audience,
        "idle_expires_at": ends_at,
    }
    changed = sessions.filter(revoked_at=None).exclude(**granted)
    now, next_version = timezone.now(), F("roles_version") + 1
    if changed.update(**granted, roles_version=next_version, roles_changed_at=now):
        signals.after_commit(signals.roles_changed, DeviceSession)


def on_account_deleted(instance: ServiceAccount, **kwargs: Any) -> None:
    """Revoke the sessions of an account that is about to be deleted."""
    sessions_of(instance).revoke(Reason.DELETED)
