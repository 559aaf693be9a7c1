"""A session with an owner and a thief, whose calls are made and recorded step by step."""

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils.functional import Promise

from accounts.models import User
from project.compare.calls import Answer, call_here, refresh_request
from tokens.jwt.claims import Pair
from tokens.models import DeviceSession
from tokens.sessions.lifecycle import Device, open_session

JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
#: The headers of the answer that concern the client.
HEADERS = ("WWW-Authenticate", "Retry-After")


class Actor(StrEnum):
    """The person of a step."""

    OWNER = "owner"
    THIEF = "thief"
    OPERATOR = "operator"


#: Addresses of documentation networks (RFC 5737).
ADDRESSES = {Actor.OWNER: "192.0.2.1", Actor.THIEF: "198.51.100.7"}


class Outcome(StrEnum):
    """The meaning of an answer. The row of the session before and after the call decides it."""

    ROTATED = "rotated"  #: a new token
    AGAIN = "again"  #: a token that was issued before
    CONTENDED = "contended"  #: no token; the session continues
    REVOKED = "revoked"  #: no token; this call has revoked the session
    ENDED = "ended"  #: no token; the session had been revoked before
    OUT_OF_STEP = "out_of_step"  #: no token; the session continues, and the database is older
    UNANSWERED = "unanswered"  #: a throttle or an outage


@dataclass(frozen=True)
class Token:
    """A refresh token of the session `sid`."""

    raw: str
    sid: UUID
    generation: int


@dataclass(frozen=True)
class Call:
    """A call of the API. Its tokens and its key are cut, because the page shows them."""

    request: str
    answer: str
    status: int
    outcome: Outcome


@dataclass(frozen=True)
class Step:
    """One step, and what the session's row has after it. A step without a call has no `call`."""

    actor: Actor
    action: str | Promise
    generation: int
    revoked_reason: str
    call: Call | None = None


class Story:
    """The steps of one owner and one thief. It begins with a sign-in of the owner."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.steps: list[Step] = []
        self.issued: set[str] = set()
        #: The secret of the owner's client, from which it derives its keys (docs/clients.md).
        self.secret = secrets.token_bytes(32)

    def sign_in(self, action: str | Promise) -> Token:
        """Open a session of the owner and return its first refresh token."""
        device = Device(label="phone", ip_address=ADDRESSES[Actor.OWNER])
        pair = open_session(self.user, device)
        assert isinstance(pair, Pair)  # noqa: S101  (nothing else changes the temporary user)
        self.issued.add(str(pair.refresh))
        token = Token(str(pair.refresh), pair.session.sid, pair.session.generation)
        self.note(Actor.OWNER, action, token)
        return token

    def note(self, actor: Actor, action: str | Promise, token: Token) -> None:
        """Record a step that calls nothing."""
        session = self.session(token)
        self.steps.append(Step(actor, action, session.generation, session.revoked_reason))

    def refresh(
        self, actor: Actor, action: str | Promise, token: Token, *, retry_key: str = ""
    ) -> Token:
        """Refresh with this token and return the next one, or this one after a refusal."""
        before = self.session(token)
        request = refresh_request(token.raw, retry_key=retry_key)
        answer = call_here(request, ip_address=ADDRESSES[actor])
        after = self.session(token)
        call = Call(
            request=cut(request_text(token.raw, retry_key)),
            answer=cut(answer_text(answer)),
            status=answer.status,
            outcome=self.outcome(answer, before, after),
        )
        self.steps.append(Step(actor, action, after.generation, after.revoked_reason, call))
        if answer.status != 200:
            return token
        pair = answer.json()
        self.issued.add(pair["refresh"])
        return Token(pair["refresh"], token.sid, pair["generation"])

    def outcome(self, answer: Answer, before: DeviceSession, after: DeviceSession) -> Outcome:
        match answer.status:
            case 200:
                is_known = answer.json()["refresh"] in self.issued
                return Outcome.AGAIN if is_known else Outcome.ROTATED
            case 401 if before.revoked_at:
                return Outcome.ENDED
            case 401:
                return Outcome.REVOKED if after.revoked_at else Outcome.OUT_OF_STEP
            case 409:
                return Outcome.CONTENDED
        return Outcome.UNANSWERED

    def retry_key(self, token: Token) -> str:
        """Return the Idempotency-Key of the owner's client for this token."""
        text = f"{token.sid}|{token.generation}"
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    def session(self, token: Token) -> DeviceSession:
        return DeviceSession.objects.get(sid=token.sid)


def request_text(token: str, retry_key: str) -> str:
    """Return the request as text, with the headers that decide the answer."""
    key = [f"Idempotency-Key: {retry_key[:8]}…"] if retry_key else []
    lines = ["POST /api/auth/refresh/", *key, "", json.dumps({"refresh": token})]
    return "\n".join(lines)


def answer_text(answer: Answer) -> str:
    """Return the answer as text: status, headers, and the body as it was received."""
    headers = [f"{name}: {value}" for name, value in answer.headers if name in HEADERS]
    return "\n".join([answer.status_line, *headers, "", answer.body.decode()])


def cut(text: str) -> str:
    """Return the text with the beginning and a fingerprint of each token instead of the token."""

    def shorten(token: re.Match[str]) -> str:
        fingerprint = hashlib.sha256(token[0].encode()).hexdigest()[:8]
        return f"{token[0][:10]}… (SHA-256 {fingerprint}…)"

    return JWT.sub(shorten, text)
