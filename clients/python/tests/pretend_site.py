"""A site for the tests: it rotates tokens by the rules of Latchkey, and fails on demand.

`faults` are used up by the requests to refresh, in turn. The real site is used by
tests/clients/test_python_client.py of Latchkey.
"""

import base64
import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs

PASSWORD = "seven wet otters"
CLIENT_SECRET = "latchkey_secret"
GRACE_PERIOD = 30  # seconds
SESSIONS = [
    {
        "id": "s1",
        "kind": "token",
        "device": "laptop\x1b[2J",
        "ip_address": "127.0.0.1",
        "last_used_on": "2026-01-02",
        "current": True,
    },
    {"id": "s2", "kind": "browser", "last_used_on": "2026-01-01", "current": False},
]
NOT_VALID = {"detail": "Token is invalid or expired", "code": "token_not_valid"}
ROTATED = {"detail": "Rotated a moment ago.", "code": "already_rotated"}

Answer = tuple[int, dict[str, str], Any]
#: A fault answers instead of the site, or is called with the site's answer and returns another
#: one. None closes the connection without an answer.
Fault = Answer | Callable[[Answer], Answer | None]


def lost(answer: Answer) -> None:
    """Lose the answer on its way. The site has rotated the token."""


@dataclass
class Session:
    """A device session: only the token of this generation is current."""

    sid: str
    token: str
    generation: int = 1
    previous: str = ""
    key: str | None = None
    rotated_at: float = 0
    ended: str = ""


@dataclass
class PretendSite:
    """The state of the site. `log` has the method and path of every request."""

    expires_in: float = 300
    sessions: dict[str, Session] = field(default_factory=dict)
    valid: dict[str, str] = field(default_factory=dict)  # the access tokens, and their session
    faults: deque[Fault] = field(default_factory=deque)
    log: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def session(self) -> Session:
        """The newest session."""
        return list(self.sessions.values())[-1]

    def count(self, path: str) -> int:
        return sum(line.endswith(path) for line in self.log)

    def expire(self) -> None:
        """Make every access token invalid, as after a change of roles."""
        self.valid.clear()

    def _handler(site) -> type[BaseHTTPRequestHandler]:  # noqa: N805  (`self` is the request)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.respond()

            def do_POST(self) -> None:
                self.respond()

            def respond(self) -> None:
                body = self.read_body()
                site.log.append(f"{self.command} {self.path}")
                answer = site.answer(self.path, body, self.headers)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, content = answer
                encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(encoded))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(encoded)

            def read_body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size + 2)[:-2]
                self.rfile.readline()
                return body

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler

    def answer(self, path: str, body: bytes, headers: Any) -> Answer | None:
        with self.lock:
            match path:
                case "/api/auth/login/":
                    return self.sign_in(json.loads(body))
                case "/api/auth/logout/":
                    return self.sign_out(json.loads(body)["refresh"])
                case "/oauth/token" | "/api/auth/refresh/":
                    return self.with_faults(path, body, headers)
            self.bodies.append(body)
            if path == "/moved/":
                return 302, {"Location": self.url.replace("127.0.0.1", "localhost") + "/api/"}, ""
            return self.call(headers.get("Authorization", ""), path)

    def with_faults(self, path: str, body: bytes, headers: Any) -> Answer | None:
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, tuple):
            return fault
        if path == "/oauth/token":
            answer = self.issue(body.decode(), headers["Authorization"])
        else:
            self.keys.append(headers.get("Idempotency-Key"))
            answer = self.rotate(json.loads(body)["refresh"], self.keys[-1])
        return fault(answer) if fault else answer

    def sign_in(self, body: dict[str, str]) -> Answer:
        if body["password"] != PASSWORD:
            return 401, {}, {"detail": "No active account.", "code": "no_active_account"}
        sid = secrets.token_hex(8)
        self.sessions[sid] = Session(sid, make_token(sid, 1))
        return self.pair(self.sessions[sid])

    def sign_out(self, token: str) -> Answer:
        sid = claims(token)["sid"]
        self.sessions[sid].ended = self.sessions[sid].ended or "logout"
        return 204, {}, b""

    def rotate(self, token: str, key: str | None) -> Answer:
        session = self.sessions[claims(token)["sid"]]
        if session.ended:
            return 401, {}, NOT_VALID
        if token == session.token:
            session.previous, session.key, session.rotated_at = token, key, time.monotonic()
            session.generation += 1
            session.token = make_token(session.sid, session.generation)
            return self.pair(session)
        if token == session.previous:
            if key == session.key:
                return self.pair(session)
            if time.monotonic() - session.rotated_at < GRACE_PERIOD:
                return 409, {}, ROTATED
        session.ended = "reuse"
        return 401, {}, NOT_VALID

    def pair(self, session: Session) -> Answer:
        access = secrets.token_hex(8)
        self.valid[access] = session.sid
        return (
            200,
            {},
            {
                "access": access,
                "refresh": session.token,
                "expires_in": self.expires_in,
                "session": session.sid,
                "generation": session.generation,
            },
        )

    def issue(self, form: str, authorization: str) -> Answer:
        """Answer a request for a service account's token."""
        _, _, secret = base64.b64decode(authorization.split()[1]).decode().partition(":")
        if secret != CLIENT_SECRET:
            return 401, {}, {"error": "invalid_client", "error_description": "It failed."}
        access = secrets.token_hex(8)
        self.valid[access] = ""
        fields = {name: values[0] for name, values in parse_qs(form).items()}
        scope = {"scope": fields["scope"]} if "scope" in fields else {}
        return 200, {}, {"access_token": access, "expires_in": self.expires_in, **scope}

    def call(self, authorization: str, path: str) -> Answer:
        if self.valid.get(authorization.removeprefix("Bearer ")) is None or path == "/other/":
            return 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, NOT_VALID
        if path == "/api/auth/sessions/":
            return 200, {}, SESSIONS
        return 200, {}, {"username": "alice", "email": "alice@example.org", "roles": ["staff"]}


def make_token(sid: str, generation: int) -> str:
    payload = json.dumps({"sid": sid, "gen": generation}).encode()
    return f"h.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.{secrets.token_hex(4)}"


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return decoded
