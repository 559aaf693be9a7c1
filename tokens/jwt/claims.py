"""The two tokens of a device session: their claims, how they are minted and how they are read."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property  # functools' has one lock before 3.12
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.exceptions import TokenError

from tokens.conf import conf
from tokens.crypto.encoding import base64url
from tokens.crypto.subkeys import Subkeys, all_subkeys, mac
from tokens.jwt.backends import (
    AccessBackend,
    RefreshBackend,
    access_backend,
    refresh_backend,
    select_backend,
)
from tokens.jwt.custom_claims import claims_of
from tokens.jwt.grants import allowed_audiences, allowed_scopes, choose_audience, choose_scope
from tokens.jwt.identifiers import primary_key, session_id
from tokens.keys.jwk import KeyPair
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession

MAX_TOKEN_LENGTH = 8192  # characters
#: Every access token of this site begins so; other texts are refused without a look at the keys.
HEADER_PREFIX = base64url(b'{"alg":"')[:10]
STATUS_LIST_SIZE = 2**17  # sessions that one status list has places for


class SessionToken(simplejwt.Token):
    """The base of both tokens, which name a session and its user and are signed by this site.

    `cls(raw)` verifies everything, `cls(raw, verify=False)` what the backend's `decode` does. Both
    raise TokenError for any other text, and neither executes a query.
    """

    lifetime = timedelta(0)  # SimpleJWT needs one; the real one is in the session's row.
    token: Any
    backend: Any
    sid: UUID
    user_id: Any  # a primary key of the user model, or None for a service account

    def __init__(self, token: str | None = None, verify: bool = True) -> None:
        self.token, self.payload = token, {}
        if token is None:  # A new one: `mint` writes every claim.
            return
        if not (token.isascii() and len(token) <= MAX_TOKEN_LENGTH):
            raise TokenError("Token is longer than MAX_TOKEN_LENGTH, or not ASCII")
        # SimpleJWT's constructor would check again what the backend has checked.
        self.payload = self.backend.claims_of(token, verify=verify)
        if self["token_type"] != self.token_type:
            raise TokenError("Token has another type")
        try:
            self.sid = session_id(self["sid"])
            is_service = self.get("client_id") == self["sub"]
            self.user_id = None if is_service else primary_key(self["sub"])
        except (ValueError, ValidationError) as error:
            raise TokenError("Token names no session or no user") from error

    def get_token_backend(self) -> Any:
        return self.backend

    @property
    def sub(self) -> str:
        return str(self["sub"])

    @property
    def jti(self) -> str:
        return str(self["jti"])


class AccessToken(SessionToken):
    """A short-lived token that any service verifies with the public key (RFC 9068)."""

    token_type = "access"

    @cached_property
    def backend(self) -> AccessBackend:
        """The backend of the key that this token names."""
        if not self.token.startswith(HEADER_PREFIX):
            raise TokenError("Token does not begin with a header of this site")
        return select_backend(map(access_backend, keyring.current().keys), self.token)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(map(str, self.get("roles", ())))

    @property
    def scopes(self) -> frozenset[str]:
        """The names in the claim `scope` (RFC 9068, section 2.2.3)."""
        return frozenset(str(self.get("scope", "")).split())

    @property
    def is_service(self) -> bool:
        """Whether the subject is a service account and not a person (RFC 9068, section 2.2)."""
        return bool(self.sub == self["client_id"])

    @classmethod
    def mint(
        cls,
        session: DeviceSession,
        signer: KeyPair,
        *,
        scope: str,
        audience: str,
        person: Mapping[str, Any] = MappingProxyType({}),
        service: str = "",
        claims: Mapping[str, Any] = MappingProxyType({}),
    ) -> Self:
        """Return a new token for the session; it expires with the session at the latest.

        `person` contains the claims that only a person's token has; `service` is the client id of
        a service account, which is then the subject. `claims` are additional ones.
        """
        token, now = cls(), timezone.now()
        token.backend = access_backend(signer)
        token.payload = {
            "sub": service or str(session.user_id),
            "aud": audience,
            "exp": epoch(min(now + conf().access_lifetime, session.expires_at)),
            "iat": epoch(now),
            "jti": secrets.token_urlsafe(16),
            "sid": str(session.sid),
            "client_id": service or conf().CLIENT_ID,
            "token_type": cls.token_type,
            "rv": session.roles_version,
            "auth_time": epoch(session.auth_time),
            **person,
            **({"scope": scope} if scope else {}),
            **claims,
        }
        if conf().STATUS_LIST:
            number, index = divmod(session.pk, STATUS_LIST_SIZE)
            place = {"idx": index, "uri": status_list_url(conf().issuer, number)}
            token["status"] = {"status_list": place}
        return token

    @property
    def actor_sids(self) -> tuple[str, ...]:
        """The sessions of the services that exchanged the token, the first one first."""
        return tuple(self.get("actor_sids", ()))

    def exchanged(
        self, actor: DeviceSession, client_id: str, signer: KeyPair, *, scope: str, audience: str
    ) -> Self:
        """Return a token for another audience that names the service `client_id` as the actor.

        It has the same subject, session and additional claims, and expires no later (RFC 8693,
        section 4.1). The chain of earlier actors is kept. Revoking the session of an actor
        invalidates the token.
        """
        token, now = type(self)(), timezone.now()
        token.backend = access_backend(signer)
        act = {"sub": client_id, **({"act": self["act"]} if "act" in self else {})}
        token.payload = {
            **{name: value for name, value in self.payload.items() if name not in ("iss", "scope")},
            "aud": audience,
            "exp": min(self["exp"], epoch(now + conf().access_lifetime), epoch(actor.ends_at)),
            "iat": epoch(now),
            "jti": secrets.token_urlsafe(16),
            "client_id": client_id,
            "act": act,
            "actor_sids": [*self.actor_sids, str(actor.sid)],
            **({"scope": scope} if scope else {}),
        }
        return token


class RefreshToken(SessionToken):
    """A long-lived token that only this site reads: one generation of a session's family."""

    token_type = "refresh"

    def __init__(self, token: str | None = None, verify: bool = True) -> None:
        super().__init__(token, verify)
        if token is not None and self["gen"] < 1:
            raise TokenError("Token has no generation")

    @cached_property
    def backend(self) -> RefreshBackend:
        """The backend of the subkeys that this token names."""
        return select_backend(map(refresh_backend, all_subkeys()), self.token)

    @property
    def generation(self) -> int:
        return int(self["gen"])

    def successor_jti(self, nonce: bytes, subkeys: Subkeys) -> str:
        """Return the `jti` of the token that follows this one and is signed with those subkeys.

        Deriving it requires this token, the nonce in the session's row and the secret key. The
        name of the signing subkeys is included, so that the row's hash identifies them later.
        """
        parts = (str(self.sid), str(self.generation + 1), nonce.hex(), self.jti, subkeys.kid)
        return base64url(mac(self.backend.subkeys.successor, *parts))

    def retry_hash(self, retry_key: str) -> bytes:
        """Return the hash of the Idempotency-Key that this token is spent with, 32 bytes."""
        return mac(self.backend.subkeys.retry, str(self.sid), str(self.generation), retry_key)

    @classmethod
    def mint(cls, session: DeviceSession, jti: str, subkeys: Subkeys) -> Self:
        """Return the session's current token: the same bytes every time it is minted."""
        token = cls()
        token.backend = refresh_backend(subkeys)
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
    """Both tokens and their session: a client receives them together."""

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
        claims: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the pair for the present state of the session, with these additional claims.

        `signer` must be loaded before the row is read. If all sessions are revoked and the keys
        replaced between the two, the replaced key signs the access token, which is then invalid.
        """
        access = AccessToken.mint(
            session,
            signer,
            scope=choose_scope(allowed_scopes(session), None),
            audience=choose_audience(allowed_audiences(session), None),
            person={"roles": [*roles]},
            claims=claims_of(session) if claims is None else claims,
        )
        return cls(access, RefreshToken.mint(session, jti, subkeys), session)

    def narrow(self, *, scope: str, audience: str) -> None:
        """Give the access token another scope and audience, before the token is signed."""
        claims = {name: value for name, value in self.access.payload.items() if name != "scope"}
        self.access.payload = {**claims, "aud": audience, **({"scope": scope} if scope else {})}

    def as_json(self) -> dict[str, str | int]:
        """Return the body of a response; lifetimes are in seconds (RFC 6749, section 5.1)."""
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
    """Return the hash of a refresh token's `jti` for the database, 32 bytes."""
    return hashlib.sha256(jti.encode()).digest()


@lru_cache(maxsize=64)
def status_list_url(site: str, number: int) -> str:
    """Return the URL of the status list with this number at the site of this origin."""
    return f"{site}{reverse('status-list', args=[number])}"


def epoch(moment: datetime) -> int:
    """Return whole seconds since 1970, rounded down (NumericDate of RFC 7519, section 2)."""
    return int(moment.timestamp())
