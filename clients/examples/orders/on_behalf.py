"""Call another service on behalf of a person: token exchange (RFC 8693).

The person's token is for this service only. This service presents it to the site with its own
credentials, and receives a token for the other service. It names the person as `sub` and this
service as `act`, and becomes invalid with the person's session.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Any

import httpx
from starlette.exceptions import HTTPException

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a type of token)
MAX_TOKENS = 1000
MARGIN = 5  # seconds for which a cached token must still be valid

log = logging.getLogger("orders")


@dataclass(frozen=True)
class Target:
    """Another service, and this service's account at the site."""

    issuer: str
    client_id: str
    client_secret: str
    url: str
    audience: str
    scope: str


class OnBehalf:
    """Calls one service on behalf of the people who call this one. It caches exchanged tokens."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.client = httpx.AsyncClient(timeout=5)
        self._tokens: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    async def post(self, path: str, body: Any, *, person: str) -> Any:
        """Post JSON with a token of the person and return the answer's JSON.

        Raises HTTPException: 401 if the person's session ended, 403 if the person's token lacks
        the scope, 503 if one of the two servers cannot answer now, and 502 if it refuses this
        service.
        """
        key = sha256(person.encode()).digest()
        token = self._cached(key) or await self._exchange(key, person)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._send(f"{self.target.url}{path}", json=body, headers=headers)
        if answer.status_code == 401:
            self._tokens.pop(key, None)
            raise signed_out()
        return checked(answer)

    def _cached(self, key: bytes) -> str | None:
        valid_until, token = self._tokens.get(key, (0, ""))
        return token if monotonic() < valid_until else None

    async def _exchange(self, key: bytes, person: str) -> str:
        """Return a token for the other service, and keep it until shortly before it expires."""
        form = {
            "grant_type": GRANT_TYPE,
            "subject_token": person,
            "subject_token_type": ACCESS_TOKEN,
            "audience": self.target.audience,
            "scope": self.target.scope,
        }
        # Neither the id nor the secret contains a character that Basic credentials encode.
        credentials = (self.target.client_id, self.target.client_secret)
        url = f"{self.target.issuer}/oauth/token"
        answer = await self._send(url, data=form, auth=credentials)
        if answer.status_code == 400:
            raise_for_person(answer.json().get("error"))
        body = checked(answer)
        token = str(body["access_token"])
        self._tokens[key] = (monotonic() + body["expires_in"] - MARGIN, token)
        if len(self._tokens) > MAX_TOKENS:
            self._tokens.popitem(last=False)
        return token

    async def _send(self, url: str, **request: Any) -> httpx.Response:
        try:
            return await self.client.post(url, **request)
        except httpx.TransportError as error:
            raise unavailable(f"{url}: {error!r}") from error


def raise_for_person(error: Any) -> None:
    """Raise HTTPException if the site refuses the exchange because of the person's token."""
    if error == "invalid_request":
        raise signed_out()
    if error == "invalid_scope":
        raise HTTPException(403, "The token does not allow this.")


def checked(answer: httpx.Response) -> Any:
    """Return the JSON of a successful answer, or raise HTTPException."""
    if answer.status_code == 429 or answer.status_code >= 500:
        raise unavailable(f"{answer.url}: status {answer.status_code}")
    if answer.is_error:
        log.error("%s refuses this service: %s", answer.url, answer.text[:500])
        raise HTTPException(502, "Another service refused the call.")
    return answer.json()


def signed_out() -> HTTPException:
    """Return the 401 after which the person's client refreshes its token or signs in again."""
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return HTTPException(401, "Token is invalid or expired", challenge)


def unavailable(reason: str) -> HTTPException:
    """Return the 503 after which the client sends its request again; log the reason."""
    log.warning("no answer from %s", reason)
    return HTTPException(503, "Another service does not answer.", {"Retry-After": "1"})
