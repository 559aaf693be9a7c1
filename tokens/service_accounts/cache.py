"""Remember authenticated secrets for a minute, so that a request needs no query.

Each process keeps the access token that it would issue for a secret. Each use verifies it again: it
is refused as soon as the secret or the account is disabled, its scopes change or its key is gone.
"""

from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from time import monotonic

from django.utils import timezone

from tokens.conf import conf
from tokens.errors import InvalidAudienceError, InvalidClientError, TokenRefusedError
from tokens.jwt.claims import AccessToken, epoch
from tokens.jwt.grants import allowed_audiences
from tokens.jwt.parsing import require_length
from tokens.service_accounts import secrets
from tokens.service_accounts.accounts import ServiceClient, authenticate, issue, record_use
from tokens.sessions.access import verify_access_token

MAX_AGE = 60  # seconds until the row of a secret is read again
MAX_SECRETS = 4096


class SecretCache:
    """The access tokens of recently used secrets, by the SHA-256 of the secret."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tokens: OrderedDict[bytes, tuple[float, AccessToken]] = OrderedDict()

    def get(self, digest: bytes) -> AccessToken | None:
        """Return the token if it has not expired and was stored within MAX_AGE, or None."""
        stored_at, token = self._tokens.get(digest, (0, None))
        if token is None or monotonic() - stored_at >= MAX_AGE:
            return None
        return token if token["exp"] > epoch(timezone.now()) else None

    def put(self, digest: bytes, token: AccessToken) -> None:
        """Store the token; if there are too many, forget the one that was stored first."""
        with self._lock:
            self._tokens.pop(digest, None)
            self._tokens[digest] = (monotonic(), token)
            if len(self._tokens) > MAX_SECRETS:
                self._tokens.popitem(last=False)

    def discard(self, digest: bytes) -> None:
        with self._lock:
            self._tokens.pop(digest, None)

    def clear(self) -> None:
        with self._lock:
            self._tokens.clear()


cache = SecretCache()


def verify_secret(text: str) -> AccessToken:
    """Return what the service account of this secret may do, as a verified access token.

    One query the first time and once per minute, secret and process; otherwise none. Raises
    InvalidClientError if the secret is unknown, disabled or expired, and TokenTooLongError if its
    account has too many scopes for an access token.
    """
    if not secrets.is_well_formed(text):
        raise InvalidClientError
    digest = secrets.digest(text)
    stored = cache.get(digest)
    if stored:
        with suppress(TokenRefusedError):
            return verify_access_token(stored.token)
        cache.discard(digest)
    client = authenticate(text)
    try:
        raw = str(issue(client, audience=own_audience(client)))
    except InvalidAudienceError as error:  # The settings no longer have any of its audiences.
        raise InvalidClientError from error
    require_length(raw)
    token = AccessToken(raw)
    record_use(client.secret)
    cache.put(digest, token)
    return token


def own_audience(client: ServiceClient) -> str | None:
    """Return the audience of this site if the account has it, or None for its default."""
    own = conf().audience
    return own if own in allowed_audiences(client.secret.session) else None
