"""Token status lists tell services which sessions are revoked.

A list has one bit per session. The claim `status` of an access token has the index of the bit,
which is set while the session is revoked and may have an unexpired token. The list is computed from
the sessions' rows and not stored. All tokens of a session share one index, on purpose: they are
revoked together.
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
    """Return the list of this number as a JWT that clients may cache for `ttl` seconds."""
    now, max_age = epoch(timezone.now()), int(conf().STATUS_LIST_MAX_AGE.total_seconds())
    claims = {
        "sub": status_list_url(conf().issuer, number),
        "iat": now,
        "exp": now + 2 * max_age,
        "ttl": max_age,
        "status_list": {"bits": 1, "lst": base64url(row)},
    }
    key = keyring.current().signer
    return jws(
        encoded_header(alg=key.algorithm, kid=key.kid, typ="statuslist+jwt"), claims, key.sign
    )


@lru_cache(maxsize=256)
def cached_bits(number: int) -> CachedValue[bytes]:
    """Return the cache of the bits of this list, which loads them once in SNAPSHOT_INTERVAL."""
    return CachedValue(partial(load_bits, number))


def count_lists() -> int:
    """Return how many lists the present sessions need: one query."""
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    return 0 if newest is None else newest // STATUS_LIST_SIZE + 1


list_count = CachedValue(count_lists)


def load_bits(number: int) -> bytes:
    """Return the compressed bits of the list: one query.

    The first eight sessions are in the first byte, and the first session is its lowest bit.
    """
    first = number * STATUS_LIST_SIZE
    places = DeviceSession.objects.filter(pk__gte=first, pk__lt=first + STATUS_LIST_SIZE)
    ended = places.filter(revoked_at__gte=revocation_cutoff(timezone.now()))
    row = bytearray(STATUS_LIST_SIZE // 8)
    for (pk,) in unpack("q", ended.aggregate(packed=Packed("pk"))["packed"]):
        index = pk - first
        row[index >> 3] |= 1 << (index & 7)
    return zlib.compress(row, level=9)
