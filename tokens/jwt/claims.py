"""The two tokens of a device session: what they say, how they are minted, how they are read."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property  # functools' has one lock for all before 3.12
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.exceptions import TokenError

from tokens.conf import conf
from tokens.crypto.encoding import base64url
from tokens.crypto.subkeys import Subkeys, all_subkeys, mac
from tokens.jwt.backends import AccessBackend, RefreshBackend, select_backend
from tokens.keys.jwk import KeyPair
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession

MAX_TOKEN_LENGTH = 8192  # characters
#: Of every access token of ours: what does not begin so is refused without looking at the keys.
HEADER_PREFIX = base64url(b'{"alg":"')[:10]
STATUS_LIST_SIZE = 2**17  # sessions that one status list has places for


class SessionToken(simplejwt.Token):
    """What both tokens share: they name a session and its user, and only we can have made them.

    `cls(raw)` verifies everything, `cls(raw, verify=False)` everything but the expiry. Both raise
    TokenError for what is not such a token of ours, and neither asks the database.
    """

    lifetime = timedelta(0)  # SimpleJWT wants one; ours comes from the session's row.
    token: Any
    sid: UUID
    user_id: Any  # a primary key of the user model

    def __init__(self, token: str | None = None, verify: bool = True) -> None:
        if token is not None and not (token.isascii() and len(token) <= MAX_TOKEN_LENGTH):
            raise TokenError("Token is no JWT of a bearable size")
        if token is None:  # A new one: `mint` writes every claim.
            self.token, self.payload = None, {}
            return
        super().__init__(token, verify)  # type: ignore[arg-type]  # annotated too narrowly there
        self.verify_token_type()
        try:
            self.sid = UUID(self["sid"])
            self.user_id = get_user_model()._meta.pk.to_python(self["sub"])
        except (ValueError, ValidationError) as error:
            raise TokenError("Token names no session or no user") from error

    @property
    def sub(self) -> str:
        return str(self["sub"])

    @property
    def jti(self) -> str:
        return str(self["jti"])


class AccessToken(SessionToken):
    """A short-lived token that anybody who has the public key can check (RFC 9068)."""

    token_type = "access"

    @cached_property
    def backend(self) -> AccessBackend:
        """The backend of the key that this token names."""
        if not self.token.startswith(HEADER_PREFIX):
            raise TokenError("Token has no header of ours")
        return select_backend(map(AccessBackend, keyring.current().keys), self.token)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(map(str, self["roles"]))

    def get_token_backend(self) -> AccessBackend:
        return self.backend

    @classmethod
    def mint(cls, session: DeviceSession, roles: Sequence[str], signer: KeyPair) -> Self:
        """Return a new token for the session; it does not outlive the session."""
        token, now = cls(), timezone.now()
        token.backend = AccessBackend(signer)
        token.payload = {
            "sub": str(session.user_id),
            "exp": epoch(min(now + conf().access_lifetime, session.expires_at)),
            "iat": epoch(now),
            "jti": secrets.token_urlsafe(16),
            "sid": str(session.sid),
            "client_id": conf().CLIENT_ID,
            "token_type": cls.token_type,
            "roles": [*roles],
            "rv": session.rights_version,
            "auth_time": epoch(session.auth_time),
        }
        if conf().STATUS_LIST:
            number, index = divmod(session.pk, STATUS_LIST_SIZE)
            place = {"idx": index, "uri": status_list_url(conf().issuer, number)}
            token["status"] = {"status_list": place}
        return token


class RefreshToken(SessionToken):
    """A long-lived token that this site alone reads; one generation of a session's family."""

    token_type = "refresh"

    def __init__(self, token: str | None = None, verify: bool = True) -> None:
        super().__init__(token, verify)
        if token is not None and self["gen"] < 1:
            raise TokenError("Token has no generation")

    @cached_property
    def backend(self) -> RefreshBackend:
        """The backend of the subkeys that this token names, or that a new one is signed with."""
        return select_backend(map(RefreshBackend, all_subkeys()), self.token)

    def get_token_backend(self) -> RefreshBackend:
        return self.backend

    @property
    def generation(self) -> int:
        return int(self["gen"])

    def successor_jti(self, nonce: bytes, subkeys: Subkeys) -> str:
        """Return the `jti` of the token that follows this one and is signed with those subkeys.

        It takes this token, the nonce in the session's row and the secret key to make it. The name
        of the signing subkeys is mixed in, so that the row's hash tells them apart later.
        """
        parts = (str(self.sid), str(self.generation + 1), nonce.hex(), self.jti, subkeys.kid)
        return base64url(mac(self.backend.subkeys.successor, *parts))

    def retry_hash(self, retry_key: str) -> bytes:
        """Return what is kept of the Idempotency-Key that this token is spent with."""
        parts = (str(self.sid), str(self.generation), retry_key)
        return mac(self.backend.subkeys.retry, *parts)

    @classmethod
    def mint(cls, session: DeviceSession, jti: str, subkeys: Subkeys) -> Self:
        """Return the session's living token: the same bytes every time it is minted."""
        token = cls()
        token.backend = RefreshBackend(subkeys)
        token.payload = {
            "sub": str(session.user_id),
            "exp": epoch(session.ends_at),
            "iat": epoch(session.rotated_at),
            "jti": jti,
            "sid": str(session.sid),
            "gen": session.generation,
            "token_type": cls.token_type,
        }
        return token


@dataclass(frozen=True)
class Pair:
    """What a client gets: both tokens, and what it needs to know of them without reading them."""

    access: AccessToken
    refresh: RefreshToken
    session: DeviceSession

    @classmethod
    def mint(
        cls,
        session: DeviceSession,
        *,
        jti: str,
        subkeys: Subkeys,
        roles: Sequence[str],
        signer: KeyPair,
    ) -> Self:
        """Return the pair for the session as it stands.

        `signer` was the signing key before the row was read: what is signed with a key has seen
        every end that is older than the key.
        """
        access = AccessToken.mint(session, roles, signer)
        return cls(access, RefreshToken.mint(session, jti, subkeys), session)

    def as_json(self) -> dict[str, str | int]:
        """Return the body of an answer; lifetimes are in seconds (RFC 6749, section 5.1)."""
        now = epoch(timezone.now())
        return {
            "access": str(self.access),
            "refresh": str(self.refresh),
            "token_type": "Bearer",
            "expires_in": self.access["exp"] - now,
            "refresh_expires_in": self.refresh["exp"] - now,
            "session": str(self.session.sid),
            "generation": self.session.generation,
        }


def secret_hash(jti: str) -> bytes:
    """Return what is kept of a refresh token, 32 bytes."""
    return hashlib.sha256(jti.encode()).digest()


@lru_cache(maxsize=64)
def status_list_url(site: str, number: int) -> str:
    """Return where the status list of this number is, of the site at this origin."""
    return f"{site}{reverse('status-list', args=[number])}"


def epoch(moment: datetime) -> int:
    """Return whole seconds since 1970, rounded down (NumericDate of RFC 7519, section 2)."""
    return int(moment.timestamp())
