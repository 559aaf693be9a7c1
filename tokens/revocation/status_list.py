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
from tokens.crypto.encoding import base64url, jws, opening
from tokens.jwt.claims import LIST_SIZE, epoch, list_address
from tokens.keys.cached_value import Keeper
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession
from tokens.models.packing import Packed, unpack
from tokens.revocation.snapshot import begin_of_window


def signed(number: int, row: bytes) -> str:
    """Return the list of this number as a JWT, to be kept for `ttl` seconds."""
    now = epoch(timezone.now())
    claims = {
        "sub": list_address(conf().issuer, number),
        "iat": now,
        "exp": now + 2 * seconds(),
        "ttl": seconds(),
        "status_list": {"bits": 1, "lst": base64url(row)},
    }
    key = keyring.current().signer
    return jws(opening(alg=key.algorithm, kid=key.kid, typ="statuslist+jwt"), claims, key.sign)


@lru_cache(maxsize=256)
def kept(number: int) -> Keeper[bytes]:
    """Return who keeps the bits of this list, and asks for them once in SNAPSHOT_INTERVAL."""
    return Keeper(partial(bits, number))


def count_lists() -> int:
    """Return how many lists have a place for every session so far: one query."""
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    return 0 if newest is None else newest // LIST_SIZE + 1


lists = Keeper(count_lists)


def bits(number: int) -> bytes:
    """Return the compressed bits of the list: one query.

    The first eight sessions are in the first byte, of which the first is the lowest bit.
    """
    first = number * LIST_SIZE
    places = DeviceSession.objects.filter(pk__gte=first, pk__lt=first + LIST_SIZE)
    ended = places.filter(revoked_at__gte=begin_of_window(timezone.now()))
    row = bytearray(LIST_SIZE // 8)
    for (pk,) in unpack("q", ended.aggregate(packed=Packed("pk"))["packed"]):
        index = pk - first
        row[index >> 3] |= 1 << (index & 7)
    return zlib.compress(row, level=9)


def seconds() -> int:
    return int(conf().STATUS_LIST_MAX_AGE.total_seconds())
