"""Token status lists: which sessions have ended, for services that verify access tokens alone.

A list is a row of bits, one for each session, at the place that its access tokens name in their
claim `status`; a bit is set while a token of an ended session may still live. It is made from the
sessions' rows and kept nowhere. All tokens of a session share one place, on purpose: they end
together.
(Token Status List, IETF OAuth working group.)
"""

import zlib
from functools import lru_cache, partial

from django.utils import timezone

from tokens.conf import conf
from tokens.crypto.encoding import base64url, encoded_header, jws
from tokens.jwt.claims import STATUS_LIST_SIZE, epoch, status_list_url
from tokens.keys.cached_value import CachedValue
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession
from tokens.models.packing import Packed, unpack
from tokens.revocation.snapshot import revocation_cutoff


def sign_list(number: int, row: bytes) -> str:
    """Return the list of this number as a JWT, to be kept for `ttl` seconds."""
    now = epoch(timezone.now())
    claims = {
        "sub": status_list_url(conf().issuer, number),
        "iat": now,
        "exp": now + 2 * max_age(),
        "ttl": max_age(),
        "status_list": {"bits": 1, "lst": base64url(row)},
    }
    key = keyring.current().signer
    return jws(
        encoded_header(alg=key.algorithm, kid=key.kid, typ="statuslist+jwt"), claims, key.sign
    )


@lru_cache(maxsize=256)
def cached_bits(number: int) -> CachedValue[bytes]:
    """Return who keeps the bits of this list, and asks for them once in SNAPSHOT_INTERVAL."""
    return CachedValue(partial(load_bits, number))


def count_lists() -> int:
    """Return how many lists have a place for every session so far: one query."""
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    return 0 if newest is None else newest // STATUS_LIST_SIZE + 1


list_count = CachedValue(count_lists)


def load_bits(number: int) -> bytes:
    """Return the compressed bits of the list: one query.

    The first eight sessions are in the first byte, of which the first is the lowest bit.
    """
    first = number * STATUS_LIST_SIZE
    places = DeviceSession.objects.filter(pk__gte=first, pk__lt=first + STATUS_LIST_SIZE)
    ended = places.filter(revoked_at__gte=revocation_cutoff(timezone.now()))
    row = bytearray(STATUS_LIST_SIZE // 8)
    for (pk,) in unpack("q", ended.aggregate(packed=Packed("pk"))["packed"]):
        index = pk - first
        row[index >> 3] |= 1 << (index & 7)
    return zlib.compress(row, level=9)


def max_age() -> int:
    return int(conf().STATUS_LIST_MAX_AGE.total_seconds())
