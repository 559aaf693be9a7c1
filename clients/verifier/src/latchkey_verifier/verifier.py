"""Verify access tokens with the issuer's public keys and status lists.

The cheap checks come first, so a malformed token costs neither a signature check nor a request to
the issuer. A token is accepted only after every check. The keys and status lists are cached.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from concurrent.futures import wait
from hashlib import sha256
from typing import Literal, TypeAlias

import httpx

from latchkey_verifier.claims import Claims, Place, read_claims
from latchkey_verifier.errors import Refusal, TokenRefused, VerifierUnavailable
from latchkey_verifier.fetching import Fetcher
from latchkey_verifier.jws import Signed, read
from latchkey_verifier.keys import ALGORITHMS, Key, read_keys
from latchkey_verifier.recent import Recent
from latchkey_verifier.remote import Loaded, Remote, Steps, T
from latchkey_verifier.statuslist import LONGEST, MEDIA_TYPE, TYP, StatusList, read_list

Policy: TypeAlias = Literal["fail_closed", "fail_open", "ignore"]

ORIGIN = re.compile(r"https://[a-z0-9.:\[\]-]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?")
LONGEST_TOKEN = 8192  # characters
LARGEST_KEY_SET = 64 * 1024  # bytes
KEYS_FRESH = (30, 300, 3600)  # seconds: minimum, default without a max-age, maximum
STATUS_FRESH = (1, 300)  # seconds: minimum, maximum
STATUS_PAUSE = 1  # seconds between two fetches of one status list
MOST_STATUS_LISTS = 64


class Verifier:
    """Verifies access tokens from one issuer for one audience. Threads may share it.

    `status_list` applies to a token whose status list cannot be fetched: "fail_closed" raises
    VerifierUnavailable, and "fail_open" accepts the token. "ignore" never fetches a list. The keys
    are fetched at most once per `pause` seconds. If fetching fails, stale keys stay in use for
    `stale_keys` seconds. `leeway` and `timeout` are in seconds as well. `remembered` is the number
    of cached tokens. Pass a `client` to use a proxy or a private certificate authority, and close
    it yourself.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        algorithms: Sequence[str] = tuple(ALGORITHMS),
        status_list: Policy = "fail_closed",
        leeway: float = 10,
        timeout: float = 3,
        pause: float = 10,
        stale_keys: float = 3600,
        remembered: int = 4096,
        client: httpx.Client | None = None,
    ) -> None:
        if not ORIGIN.fullmatch(issuer):
            raise ValueError(f"An issuer is an origin with https, or http on loopback: {issuer!r}.")
        if not algorithms or not ALGORITHMS.keys() >= {*algorithms}:
            raise ValueError(f"Algorithms are among {', '.join(ALGORITHMS)}.")
        if status_list not in ("fail_closed", "fail_open", "ignore"):
            raise ValueError("status_list is fail_closed, fail_open or ignore.")
        self.issuer = issuer
        self.audience = audience
        self.algorithms = tuple(algorithms)
        self.status_list = status_list
        self.leeway = leeway
        self.stale_keys = stale_keys
        self.timeout = timeout
        self.patience = 2 * timeout  # one timeout to connect and one to read
        self.pause = pause
        self.remembered = remembered
        self.fetch_with(client)

    def fetch_with(self, client: httpx.Client | None) -> None:
        """Drop every cached key, list and token, and fetch with this client from now on.

        With None, each fetch has its own client. `latchkey_verifier.testing` calls this.
        """
        self.client = client
        self._fetcher = Fetcher(client, self.timeout)
        uri = f"{self.issuer}/.well-known/jwks.json"
        self._keys = Remote(uri, self._load_keys, pause=self.pause)
        self._lists: Recent[str, Remote[StatusList]] = Recent(MOST_STATUS_LISTS)
        self._verified: Recent[bytes, tuple[Key, Claims]] = Recent(self.remembered)

    def verify(self, token: str) -> Claims:
        """Return the claims of the token, or raise TokenRefused or VerifierUnavailable."""
        return self._wait_for(self._verify(token))

    async def averify(self, token: str) -> Claims:
        """Do the same as `verify`, without blocking the event loop during a fetch."""
        steps = self._verify(token)
        while True:
            try:
                fetch = next(steps)
            except StopIteration as done:
                claims: Claims = done.value
                return claims
            await asyncio.wait([asyncio.wrap_future(fetch)], timeout=self.patience)

    def _wait_for(self, steps: Steps[T]) -> T:
        while True:
            try:
                fetch = next(steps)
            except StopIteration as done:
                value: T = done.value
                return value
            wait([fetch], timeout=self.patience)

    def _verify(self, token: str) -> Steps[Claims]:
        if len(token) > LONGEST_TOKEN:
            raise TokenRefused(Refusal.TOO_LONG)
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known and (yield from self._keys.current()).get(known[0].kid) == known[0]:
            claims = known[1]
            claims.check_times(time.time(), self.leeway)
        else:
            signed = read(token, typ="at+jwt")
            claims = read_claims(signed.claims, issuer=self.issuer, audience=self.audience)
            claims.check_times(time.time(), self.leeway)
            key = yield from self._check_signature(signed)
            self._verified.keep(digest, (key, claims))
        if claims.place and self.status_list != "ignore":
            yield from self._check_status(claims.place)
        return claims

    def _check_signature(self, signed: Signed) -> Steps[Key]:
        """Return the key that signed the token, or raise TokenRefused.

        If the `kid` is unknown, fetch the issuer's keys again first.
        """
        if signed.algorithm not in self.algorithms:
            raise TokenRefused(Refusal.ALGORITHM)
        key = (yield from self._keys.current()).get(signed.kid)
        if key is None:
            key = (yield from self._keys.newer()).get(signed.kid)
        if key is None:
            raise TokenRefused(Refusal.UNKNOWN_KEY)
        if key.algorithm != signed.algorithm:
            raise TokenRefused(Refusal.ALGORITHM)
        if not key.verifies(signed.text, signed.signature):
            raise TokenRefused(Refusal.SIGNATURE)
        return key

    def _check_status(self, place: Place) -> Steps[None]:
        """Raise TokenRefused if the session was revoked.

        If the list cannot be fetched, return or raise VerifierUnavailable, by the policy.
        """
        remote = self._lists.get(place.uri)
        if remote is None:
            uri = place.uri
            remote = Remote(uri, lambda: self._load_list(uri), pause=STATUS_PAUSE)
            remote = self._lists.keep(uri, remote)
        try:
            sessions = yield from remote.current()
        except VerifierUnavailable:
            if self.status_list == "fail_open":
                return
            raise
        if sessions.has_ended(place.index):
            raise TokenRefused(Refusal.ENDED)

    def _load_keys(self) -> Loaded[dict[str, Key]]:
        answer = self._fetcher.fetch(
            self._keys.name,
            accept="application/jwk-set+json, application/json",
            largest=LARGEST_KEY_SET,
        )
        minimum, default, maximum = KEYS_FRESH
        max_age = default if answer.max_age is None else answer.max_age
        fresh = min(max(max_age, minimum), maximum)
        return Loaded(read_keys(answer.body, self.algorithms), fresh, fresh + self.stale_keys)

    def _load_list(self, uri: str) -> Loaded[StatusList]:
        """Fetch a status list. While fetching it again fails, it stays in use until its `exp`."""
        answer = self._fetcher.fetch(uri, accept=MEDIA_TYPE, largest=LONGEST)
        signed = read(answer.body.decode("ascii").strip(), typ=TYP)
        self._wait_for(self._check_signature(signed))
        sessions = read_list(signed, uri=uri, now=time.time(), leeway=self.leeway)
        minimum, maximum = STATUS_FRESH
        max_age = maximum if answer.max_age is None else answer.max_age
        fresh = min(max(min(sessions.ttl, max_age), minimum), maximum, sessions.lifetime)
        return Loaded(sessions, fresh, sessions.lifetime)
