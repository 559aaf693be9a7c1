"""The decisions of the client, without input or output.

A function builds the next request from the stored state, and another one judges the answer. The
callers send requests, wait and store: see `renewal.py`.

| answer to a refresh                           | verdict                                    |
|-----------------------------------------------|--------------------------------------------|
| 200 with the successor                        | Renewed: store it                          |
| 401 with the code `token_not_valid`           | Ended: empty the store                     |
| 409                                           | Retry: read the store, send the same again |
| 408, 425, 429, 5xx, or an unreadable 200      | Retry, after Retry-After if there is one   |
| no answer                                     | Retry                                      |
| any other, for example of a captive portal    | Stop: the session continues                |
"""

import base64
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias
from urllib.parse import quote_plus

from latchkey_client.state import Lifetime, State, is_number

#: Statuses after which the same request may succeed (RFC 9110, section 15; RFC 6585, section 4).
TEMPORARY = {408, 409, 425, 429}
FIRST_PAUSE = 0.1  # seconds before the second try without Retry-After; each later pause doubles
LONGEST_PAUSE = 5  # seconds
NO_ANSWER = "The site did not answer."


@dataclass(frozen=True)
class Request:
    """A POST to the site. `body` is sent as JSON, or as a form."""

    path: str
    body: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: bool = False


@dataclass(frozen=True)
class Answer:
    """What the site answered. The names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """Return the parsed body, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def text(self, name: str) -> str:
        """Return the text of this name in a JSON object, or an empty text."""
        body = self.json()
        value = body.get(name) if isinstance(body, dict) else None
        return value if isinstance(value, str) else ""

    def field_errors(self) -> str:
        """Return the sentences of a 400 about single fields, each with the name of its field."""
        body = self.json()
        fields = body.items() if isinstance(body, dict) and self.status == 400 else ()
        return " ".join(
            f"{name}: {sentence}"
            for name, sentences in fields
            if isinstance(sentences, list)
            for sentence in sentences
        )


@dataclass(frozen=True)
class Renewed:
    """The request succeeded, and this is the new state."""

    state: State


@dataclass(frozen=True)
class Issued:
    """The request succeeded, and this is a service account's new access token."""

    access: str = field(repr=False)
    lifetime: Lifetime


@dataclass(frozen=True)
class Ended:
    """The session has ended."""


@dataclass(frozen=True)
class Retry:
    """The same request may succeed later. `after` is the site's Retry-After in seconds, or None."""

    reason: str
    after: float | None = None


@dataclass(frozen=True)
class Stop:
    """Another try now would have the same result, but the session has not ended."""

    reason: str
    status: int
    code: str


Verdict: TypeAlias = Renewed | Ended | Retry | Stop


def refresh_request(state: State) -> Request:
    """Return the request that spends the state's refresh token: the same one at every try."""
    return Request(
        "/api/auth/refresh/",
        {"refresh": state.refresh},
        {"Idempotency-Key": state.idempotency_key},
    )


def judge_refresh(state: State, answer: Answer | None, requested_at: float) -> Verdict:
    """Return what the answer to `refresh_request` means; None is a lost answer."""
    if answer is None:
        return Retry(NO_ANSWER)
    if answer.status == 200:
        try:
            new = State.from_pair(state.site, answer.json(), requested_at, state.secret)
        except ValueError:
            return Retry("The site's answer cannot be read.")
        if (new.sid, new.generation) != (state.sid, state.generation + 1):
            return Retry("The site's answer is not the successor of the token.")
        return Renewed(new)
    if answer.status == 401 and answer.text("code") == "token_not_valid":
        return Ended()
    return judge_failure(answer)


def judge_failure(answer: Answer) -> Retry | Stop:
    """Return whether a request that failed with this answer may be repeated."""
    reason = answer.text("detail") or answer.text("error_description") or answer.field_errors()
    reason = reason or f"The site answered {answer.status}."
    if answer.status in TEMPORARY or answer.status >= 500:
        return Retry(reason, retry_after(answer.headers))
    return Stop(reason, answer.status, answer.text("code") or answer.text("error"))


def service_request(client_id: str, secret: str, scope: str, audience: str) -> Request:
    """Return the request for a service account's token (RFC 6749, section 4.4; RFC 8707).

    Section 2.3.1: the id and the secret are form-encoded before they are joined.
    """
    credentials = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    wanted = {"scope": scope, "resource": audience}
    return Request(
        "/oauth/token",
        {
            "grant_type": "client_credentials",
            **{name: text for name, text in wanted.items() if text},
        },
        {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"},
        form=True,
    )


def judge_service(answer: Answer | None, requested_at: float) -> Issued | Retry | Stop:
    """Return what the answer to `service_request` means; None is a lost answer."""
    if answer is None:
        return Retry(NO_ANSWER)
    if answer.status != 200:
        return judge_failure(answer)
    body, access = answer.json(), answer.text("access_token")
    if not access or not is_number(body.get("expires_in")):
        return Retry("The site's answer cannot be read.")
    return Issued(access, Lifetime(requested_at, body["expires_in"]))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return Retry-After in seconds, or None (RFC 9110, section 10.2.3).

    A date is compared with the answer's own Date, because the local clock may be wrong.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        now = parse_date(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0, (parse_date(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def parse_date(text: str) -> datetime:
    """Return the time of an HTTP date. Raises ValueError or TypeError."""
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def pause(retry: Retry, tries: int) -> float:
    """Return how many seconds to wait after this number of tries that failed.

    A random part keeps clients that were refused together from coming back together.
    """
    if retry.after is not None:
        return retry.after + random.uniform(0, 0.2 + 0.1 * retry.after)  # noqa: S311
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**tries)
    return random.uniform(longest / 2, longest)  # noqa: S311  (not a secret)
