"""An issuer for the tests: real keys and tokens, and a server on loopback that counts requests."""

import base64
import json
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Private: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

AUDIENCE = "https://orders.example.org"
JWKS = "/.well-known/jwks.json"
STATUS = "/.well-known/status/0"


@dataclass(frozen=True)
class Pair:
    """A key pair with its `kid`."""

    kid: str
    algorithm: str
    private: Private

    @property
    def jwk(self) -> dict[str, Any]:
        kinds: dict[str, Any] = {"ES256": ECAlgorithm, "RS256": RSAAlgorithm, "EdDSA": OKPAlgorithm}
        members = kinds[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        members.pop("key_ops", None)
        return {**members, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)  # cached, because it is slow


def new_pair(kid: str, algorithm: str = "ES256") -> Pair:
    makers: dict[str, Callable[[], Private]] = {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "RS256": lambda: rsa_key(3072),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }
    return Pair(kid, algorithm, makers[algorithm]())


def encoded(data: Any) -> str:
    """Encode bytes, or other values as JSON, as base64url without padding."""
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, claims: Any, pair: Pair) -> str:
    """Return a token with any header and claims, signed by this pair. Bytes are not changed."""
    text = f"{encoded(header)}.{encoded(claims)}"
    signature = jwt.get_algorithm_by_name(pair.algorithm).sign(text.encode(), pair.private)
    return f"{text}.{encoded(signature)}"


@dataclass
class Page:
    """The server's response at one path."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    pause: float = 0  # seconds before each byte


class Issuer:
    """Serves `pages` and counts the requests. While `gate` is cleared, every response waits."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.pages: dict[str, Page] = {}
        self.gate = Event()
        self.gate.set()
        self.pair = new_pair("key-1")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.status_uri = f"{self.url}{STATUS}"
        self.publish(self.pair)
        self.publish_list(b"\x00" * 16)
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def wait_for_calls(self, number: int) -> None:
        """Return after so many requests have arrived. Their responses may still wait."""
        while self.calls.total() < number:
            time.sleep(0.001)

    def publish(self, *pairs: Pair, max_age: int = 300) -> None:
        """Publish a key set with these keys."""
        self.pages[JWKS] = Page(
            json.dumps({"keys": [pair.jwk for pair in pairs]}).encode(),
            {"Cache-Control": f"public, max-age={max_age}"},
        )

    def publish_list(self, bits: bytes, *, max_age: int | None = 60, **changes: Any) -> None:
        """Publish status list 0 with these bits and changed claims; None removes a claim."""
        packed = {"bits": 1, "lst": encoded(zlib.compress(bits, 9))}
        token = self.list_token(status_list=packed, **changes)
        headers = {} if max_age is None else {"Cache-Control": f"public, max-age={max_age}"}
        self.pages[STATUS] = Page(token.encode(), headers)

    def list_token(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {"sub": self.status_uri, "iat": now, "exp": now + 600, "ttl": 30, **changes}
        return signed(
            {**self.header, "typ": "statuslist+jwt", **(header or {})},
            without_none(claims),
            self.pair,
        )

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": self.pair.algorithm, "kid": self.pair.kid, "typ": "at+jwt"}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token with these changes; None removes a claim."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "0b1f0f6e-4d0e-4f5a-9a58-0d4f5e6a7b8c",
            "exp": now + 300,
            "iat": now,
            "jti": "Vd3hWv0Kk0f1m3bC6b0TzQ",
            "sid": "f7c8a3de-5c1f-4d5b-8b64-7a1c2d3e4f50",
            "client_id": "latchkey",
            "token_type": "access",
            "roles": ["support"],
            "rv": 1,
            "auth_time": now - 60,
        }
        return without_none({**claims, **changes})

    def token(self, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return a signed token with these changes of a valid one."""
        return signed(
            without_none({**self.header, **(header or {})}), self.claims(**changes), self.pair
        )

    def listed(self, index: int = 3, **changes: Any) -> str:
        """Return a token that names this index in status list 0."""
        reference = {"idx": index, "uri": self.status_uri}
        return self.token(status={"status_list": reference}, **changes)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.calls[self.path] += 1
                issuer.gate.wait()
                page = issuer.pages.get(self.path, Page(b"", status=404))
                self.send_response(page.status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self._write(page)

            def _write(self, page: Page) -> None:
                if not page.pause:
                    self.wfile.write(page.body)
                    return
                with suppress(OSError):  # The client closes the connection early.
                    for position in range(len(page.body)):
                        self.wfile.write(page.body[position : position + 1])
                        time.sleep(page.pause)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it)
                """Write nothing to the standard error output."""

        return Handler


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
