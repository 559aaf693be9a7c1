"""Token Status Lists (IETF OAuth working group): one bit per session, 1 after its revocation."""

import zlib
from dataclasses import dataclass

from latchkey_verifier.claims import number, text
from latchkey_verifier.errors import Refusal, TokenRefused
from latchkey_verifier.jws import Signed, from_base64url

MEDIA_TYPE = "application/statuslist+jwt"
TYP = "statuslist+jwt"
LARGEST = 1024 * 1024  # bytes of an inflated list, eight sessions each
LONGEST = 2 * LARGEST  # characters of the signed token, even if its list does not compress


@dataclass(frozen=True)
class StatusList:
    """The bits of a list. `ttl` is its refresh interval and `lifetime` its validity, in seconds."""

    bits: bytes
    ttl: int
    lifetime: float

    def has_ended(self, index: int) -> bool:
        """Return whether the session at this index was revoked.

        Raises TokenRefused if the index is out of range.
        """
        byte, bit = divmod(index, 8)
        if byte >= len(self.bits):
            raise TokenRefused(Refusal.STATUS)
        return bool(self.bits[byte] >> bit & 1)  # the least significant bit comes first


def read_list(signed: Signed, *, uri: str, now: float, leeway: float) -> StatusList:
    """Return the status list with this URI from a verified token, or raise TokenRefused."""
    claims = signed.claims
    ttl, iat, exp = number(claims, "ttl"), number(claims, "iat"), number(claims, "exp")
    if text(claims, "sub") != uri or ttl <= 0:
        raise TokenRefused(Refusal.CLAIMS)
    # The leeway tolerates different clocks. It never extends the lifetime that the issuer chose.
    lifetime = min(exp + leeway - now, exp - iat)
    if lifetime <= 0:
        raise TokenRefused(Refusal.EXPIRED)
    if iat > now + leeway:
        raise TokenRefused(Refusal.NOT_YET)
    packed = claims.get("status_list")
    if not isinstance(packed, dict) or number(packed, "bits") != 1:
        raise TokenRefused(Refusal.CLAIMS)
    return StatusList(_unpack(text(packed, "lst")), ttl, lifetime)


def _unpack(lst: str) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        bits = unpacking.decompress(from_base64url(lst), LARGEST + 1)
    except (ValueError, zlib.error) as error:
        raise TokenRefused(Refusal.MALFORMED) from error
    if len(bits) > LARGEST:
        raise TokenRefused(Refusal.TOO_LONG)
    if not unpacking.eof or unpacking.unused_data:
        raise TokenRefused(Refusal.MALFORMED)
    return bits
