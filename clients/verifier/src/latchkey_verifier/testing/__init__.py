"""Sign tokens in the tests of a service, without a running site. Only tests import this package.

The service verifies them with its own Verifier, by the same code as in production.
`latchkey_verifier.testing.plugin` has the pytest fixture.
"""

import json
import time
import uuid
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from latchkey_verifier.statuslist import TYP
from latchkey_verifier.verifier import Verifier

KID = "testing"
LIFETIME = 300  # seconds
MAX_SESSIONS = 8192  # of one issuer

#: The key is shared by all issuers, because making one costs more than signing a token.
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
KEY_SET = {
    "keys": [
        {
            **ECAlgorithm.to_jwk(PRIVATE_KEY.public_key(), as_dict=True),
            "kid": KID,
            "alg": "ES256",
            "use": "sig",
        }
    ]
}


class LocalIssuer:
    """An issuer inside the test's process, which one verifier trusts until `close`.

    The issuer replaces the site for this verifier: it answers every fetch of keys and status
    lists. While `reachable` is False, no fetch succeeds, so the verifier raises
    VerifierUnavailable. Use it in a `with` block.
    """

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.sub = str(uuid.uuid4())  #: the user whose tokens are signed
        self._before = verifier.client
        self._sessions: dict[str, int] = {}  # the index of each `sid` in the status list
        self._ended: set[int] = set()
        self._reachable = True
        self._forget()

    def __enter__(self) -> "LocalIssuer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the verifier fetch from the site again."""
        self.verifier.fetch_with(self._before)

    def token(
        self,
        *,
        roles: Iterable[str] | None = (),
        scope: str | None = None,
        expires_in: int = LIFETIME,
        **claims: Any,
    ) -> str:
        """Return a signed access token of a person, for the verifier's issuer and audience.

        `scope` is a string of names separated by spaces, and `expires_in` is in seconds; a
        negative number gives an expired token. `claims` are custom claims, or replace a claim of
        the token; None removes it. Each token has a new session unless `sid` is given.
        """
        now, sid = int(time.time()), claims.get("sid") or str(uuid.uuid4())
        content = {
            "iss": self.verifier.issuer,
            "aud": self.verifier.audience,
            "sub": self.sub,
            "exp": now + expires_in,
            "iat": min(now, now + expires_in),
            "jti": uuid.uuid4().hex,
            "sid": sid,
            "client_id": "latchkey",
            "token_type": "access",
            "roles": None if roles is None else [*roles],
            "rv": 1,
            "auth_time": now,
            "scope": scope,
            "status": {"status_list": {"idx": self._index(sid), "uri": self._list_uri}},
            **claims,
        }
        return sign(content, "at+jwt")

    def service_token(self, client_id: str = "", *, scope: str | None = None, **more: Any) -> str:
        """Return a signed access token of a service account, which has no roles."""
        client_id = client_id or str(uuid.uuid4())
        return self.token(sub=client_id, client_id=client_id, roles=None, scope=scope, **more)

    def revoke(self, token: str) -> None:
        """End the session of the token. The verifier refuses its tokens from now on."""
        claims = jwt.decode(token, options={"verify_signature": False})
        self._ended.add(self._index(claims["sid"]))
        self._forget()

    @property
    def reachable(self) -> bool:
        """Whether the verifier can fetch keys and status lists. Set it to test an outage."""
        return self._reachable

    @reachable.setter
    def reachable(self, reachable: bool) -> None:
        self._reachable = reachable
        self._forget()

    @property
    def _list_uri(self) -> str:
        return f"{self.verifier.issuer}/.well-known/status/0"

    def _index(self, sid: str) -> int:
        index = self._sessions.setdefault(sid, len(self._sessions))
        if index >= MAX_SESSIONS:
            raise ValueError(f"A LocalIssuer has at most {MAX_SESSIONS} sessions.")
        return index

    def _forget(self) -> None:
        """Drop the verifier's caches, so that it fetches the present keys and status list."""
        self.verifier.fetch_with(httpx.Client(transport=httpx.MockTransport(self._answer)))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not self._reachable:
            raise httpx.ConnectError("The test's issuer is not reachable.", request=request)
        documents = {
            self._list_uri: lambda: self._status_list().encode(),
            f"{self.verifier.issuer}/.well-known/jwks.json": lambda: json.dumps(KEY_SET).encode(),
        }
        if make := documents.get(str(request.url)):
            return httpx.Response(200, stream=httpx.ByteStream(make()))
        return httpx.Response(404)

    def _status_list(self) -> str:
        bits = bytearray(MAX_SESSIONS // 8)
        for index in self._ended:
            bits[index // 8] |= 1 << index % 8
        packed = urlsafe_b64encode(zlib.compress(bits, 9)).rstrip(b"=").decode()
        now = int(time.time())
        return sign(
            {
                "sub": self._list_uri,
                "iat": now,
                "exp": now + 2 * LIFETIME,
                "ttl": LIFETIME,
                "status_list": {"bits": 1, "lst": packed},
            },
            TYP,
        )


def sign(claims: dict[str, Any], typ: str) -> str:
    """Return the JWT of these claims without those that are None."""
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, PRIVATE_KEY, "ES256", {"kid": KID, "typ": typ})
