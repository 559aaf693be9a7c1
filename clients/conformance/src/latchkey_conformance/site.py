"""The site: its endpoints as api.md of the project states them, without a network."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from latchkey_conformance import tokens
from latchkey_conformance.faults import EXAMPLE, LOGIN, REFRESH
from latchkey_conformance.rotation import (
    AlreadyRotatedError,
    RefusedError,
    Session,
    open_session,
    refresh,
)

USERNAME = "alice"
PASSWORD = "seven wet otters"  # noqa: S105  (of an invented user)
ACCESS_LIFETIME = 8  # seconds; short, see `Play.expire`
SUB = "0b1f0f6e-4d0e-4f5a-9a58-0d4f5e6a7b8c"
LOGOUT = "/api/auth/logout/"
KEY = re.compile(r"[\x20-\x7e]{16,255}")
INVALID_KEY = "An Idempotency-Key has 16 to 255 printable ASCII characters."
REFUSED = {"detail": "Token is invalid or expired", "code": "token_not_valid"}


@dataclass(frozen=True)
class Request:
    """A request, as the site received it. The names of the headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float  # seconds, by a clock that never jumps

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body, or an empty one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def refresh(self) -> str:
        """The refresh token in the body."""
        return str(self.json().get("refresh", ""))

    @property
    def key(self) -> str | None:
        """The Idempotency-Key."""
        return self.headers.get("idempotency-key")


@dataclass(frozen=True)
class Answer:
    """An answer of the site."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """A site with one user. It records every request, also those that a fault disturbs."""

    url: str
    sessions: dict[str, Session] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)  # the bodies that EXAMPLE accepted
    skew: float = 0  # seconds that the site's clock is ahead of the machine's
    access_lifetime: int = ACCESS_LIFETIME  # seconds
    issued_at: float = 0  # of the last access token, by a clock that never jumps
    _valid_from: int = 0  # access tokens with a smaller number are refused
    _issued: int = 0
    _lock: RLock = field(default_factory=RLock)

    def now(self) -> float:
        return time.time() + self.skew

    def expire_access(self) -> None:
        """Refuse every access token issued until now, as if it had expired."""
        with self._lock:
            self._valid_from = self._issued + 1

    def accepts(self, access: str) -> bool:
        """Return whether a call with this access token succeeds."""
        with self._lock:
            return self._find(access) is not None

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        with self._lock:
            match request.method, request.path:
                case "POST", path if path == LOGIN:
                    return self._login(request)
                case "POST", path if path == REFRESH:
                    return self._refresh(request)
                case "POST", path if path == LOGOUT:
                    return self._logout(request)
                case "GET", "/api/auth/sessions/":
                    return self._list(request)
                case "GET" | "POST", path if path == EXAMPLE:
                    return self._example(request)
            return Answer(404, {"detail": "Not found.", "code": "not_found"})

    def seen(self, path: str) -> list[Request]:
        """Return the requests to this path, oldest first."""
        with self._lock:
            return [request for request in self.requests if request.path == path]

    def record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def _login(self, request: Request) -> Answer:
        given = request.json()
        if missing := {"username", "password"} - given.keys():
            return Answer(400, {name: ["This field is required."] for name in missing})
        if (given["username"], given["password"]) != (USERNAME, PASSWORD):
            detail = "No active account found with the given credentials"
            return unauthorized({"detail": detail, "code": "no_active_account"})
        session = open_session(self.url, SUB, self.now())
        self.sessions[session.sid] = session
        return self._pair(session)

    def _refresh(self, request: Request) -> Answer:
        if not request.refresh:
            return Answer(400, {"refresh": ["This field is required."]})
        if request.key is not None and not KEY.fullmatch(request.key):
            return Answer(400, {"Idempotency-Key": [INVALID_KEY]})
        try:
            session = refresh(self.sessions, self.url, request.refresh, request.key, self.now())
        except AlreadyRotatedError:
            detail = "This token was just replaced."
            return Answer(409, {"detail": detail, "code": "already_rotated"})
        except RefusedError:
            return unauthorized(REFUSED)
        return self._pair(session)

    def _logout(self, request: Request) -> Answer:
        if not request.refresh:
            return Answer(400, {"refresh": ["This field is required."]})
        claims = tokens.read(request.refresh) or {}
        if session := self.sessions.get(claims.get("sid", "")):
            session.revoked = session.revoked or "logout"
        return Answer(204)

    def _list(self, request: Request) -> Answer:
        current = self._session(request)
        if current is None:
            return self._refuse_access(request)
        entries = [
            {"id": session.sid, "kind": "token", "device": "", "current": session is current}
            for session in self.sessions.values()
            if session.is_active(self.now())
        ]
        return Answer(200, entries[::-1])

    def _example(self, request: Request) -> Answer:
        if self._session(request) is None:
            return self._refuse_access(request)
        if request.method == "POST":
            self.written.append(request.body)
        return Answer(200, {"user": SUB, "roles": []})

    def _pair(self, session: Session) -> Answer:
        now = int(self.now())
        self._issued += 1
        self.issued_at = time.monotonic()
        claims = {
            "iss": self.url,
            "aud": self.url,
            "sub": session.sub,
            "sid": session.sid,
            "iat": now,
            "exp": now + self.access_lifetime,
            "jti": str(self._issued),
            "client_id": "latchkey",
            "token_type": "access",
            "roles": [],
            "rv": 1,
            "auth_time": now,
        }
        return Answer(
            200,
            {
                "access": tokens.sign("at+jwt", claims),
                "refresh": session.current,
                "token_type": "Bearer",
                "expires_in": self.access_lifetime,
                "refresh_expires_in": int(session.idle_expires_at - self.now()),
                "session": session.sid,
                "generation": session.generation,
            },
        )

    def _session(self, request: Request) -> Session | None:
        """Return the session of a valid access token, or None."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._find(token) if scheme.lower() == "bearer" else None

    def _find(self, token: str) -> Session | None:
        claims = tokens.read(token)
        if not claims or claims["token_type"] != "access":  # noqa: S105  (no password)
            return None
        session = self.sessions.get(claims["sid"])
        is_valid = int(claims["jti"]) >= self._valid_from and claims["exp"] > self.now()
        return session if session and is_valid and session.is_active(self.now()) else None

    def _refuse_access(self, request: Request) -> Answer:
        if "authorization" in request.headers:
            return unauthorized(REFUSED)
        detail = "Authentication credentials were not provided."
        body = {"detail": detail, "code": "not_authenticated"}
        return Answer(401, body, {"WWW-Authenticate": "Bearer"})


def unauthorized(body: dict[str, str]) -> Answer:
    """Return a 401 for a refused credential (RFC 6750, section 3)."""
    return Answer(401, body, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
