"""The stored state: the tokens of one session, and the client's secret."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

VERSION = 1
MARGIN = 30  # seconds before its expiry at which a token is renewed …
MARGIN_SHARE = 0.1  # … or this share of its lifetime, if that is less


@dataclass(frozen=True)
class Lifetime:
    """When a token was requested, by the local clock, and for how long it is valid, in seconds.

    The local clock may be wrong: only the time that passed on it counts. If it was set back, the
    token counts as expired, because the time that passed is unknown.
    """

    requested_at: float
    expires_in: float

    def remaining(self) -> float:
        """Return the seconds until the token expires, 0 or less if it has expired."""
        passed = time.time() - self.requested_at
        return self.expires_in - passed if passed >= 0 else 0

    @property
    def is_fresh(self) -> bool:
        """Whether the token need not be renewed yet."""
        return self.remaining() > min(MARGIN, MARGIN_SHARE * self.expires_in)


@dataclass(frozen=True)
class State:
    """A session at one site. `as_text` and `parse` convert it for a store.

    `pending` is true from the moment before the refresh token is sent for the first time. The site
    may have replaced the token since, so only the same Idempotency-Key can obtain its successor.
    """

    site: str
    secret: str = field(repr=False)  # of this client, in hexadecimal; never sent
    refresh: str = field(repr=False)
    access: str = field(repr=False)
    lifetime: Lifetime
    sid: str
    generation: int
    pending: bool = False

    @classmethod
    def from_pair(cls, site: str, pair: Any, requested_at: float, secret: str = "") -> Self:
        """Return the state for the body of a successful answer.

        Raises ValueError if the body is not a pair of tokens that belong together.
        """
        try:
            refresh, access, expires_in = pair["refresh"], pair["access"], pair["expires_in"]
            claims = read_claims(refresh)
            sid, generation = claims["sid"], claims["gen"]
        except (TypeError, LookupError) as error:
            raise ValueError("not a pair of tokens") from error
        if not (isinstance(access, str) and access and is_number(expires_in)):
            raise ValueError("not a pair of tokens")
        if not (isinstance(sid, str) and sid and type(generation) is int and generation >= 1):
            raise ValueError("a refresh token without a session")
        return cls(
            site=site,
            secret=secret or secrets.token_hex(32),
            refresh=refresh,
            access=access,
            lifetime=Lifetime(requested_at, expires_in),
            sid=sid,
            generation=generation,
        )

    def follows(self, other: "State") -> bool:
        """Return whether this state is of the same session and a later generation."""
        return self.sid == other.sid and self.generation > other.generation

    @property
    def idempotency_key(self) -> str:
        """The Idempotency-Key with which the refresh token is spent, 64 characters.

        Every thread and process that has this state derives the same key, also after a restart. A
        thief of the token cannot derive it without the secret.
        """
        text = f"{self.sid}|{self.generation}"
        return hmac.new(bytes.fromhex(self.secret), text.encode(), hashlib.sha256).hexdigest()

    def about_to_be_spent(self) -> Self:
        return replace(self, pending=True)

    def as_text(self) -> str:
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the state that `as_text` wrote. Raises ValueError for any other text."""
        try:
            fields = json.loads(text)
            version = fields.pop("version")
            state = cls(**{**fields, "lifetime": Lifetime(**fields["lifetime"])})
            claims = read_claims(state.refresh)
            bytes.fromhex(state.secret)
        except (TypeError, LookupError, AttributeError) as error:
            raise ValueError("not a state") from error
        numbers = (state.lifetime.requested_at, state.lifetime.expires_in)
        texts = (state.site, state.access)
        if (
            version != VERSION
            or (state.sid, state.generation) != (claims.get("sid"), claims.get("gen"))
            or not all(map(is_number, numbers))
            or not all(isinstance(text, str) for text in texts)
        ):
            raise ValueError("not a state of this version")
        return state


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT without verifying it (RFC 7519). Raises ValueError."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (AttributeError, ValueError) as error:
        raise ValueError("not a JWT") from error
    if not isinstance(claims, dict):
        raise ValueError("not a JWT")  # noqa: TRY004  (a wrong value, not a wrong argument)
    return claims
