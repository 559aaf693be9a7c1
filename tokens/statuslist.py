"""Token status lists: which sessions have ended, for services that verify access tokens alone.

A list is a row of bits, one for each session, at the place that its access tokens name in their
claim `status`; a bit is set while a token of an ended session may still live. It is made from the
snapshot and kept nowhere. All tokens of a session share one place, on purpose: they end together.
(Token Status List, IETF OAuth working group.)
"""

import zlib

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from tokens import snapshot
from tokens.claims import LIST_SIZE, epoch, list_address
from tokens.conf import conf
from tokens.keys import base64url, jws, opening
from tokens.models import DeviceSession

CONTENT_TYPE = "application/statuslist+jwt"


@require_safe
def status_list(request: HttpRequest, number: int) -> HttpResponse:
    """Answer with a list as a signed token (section 5.1); 404 if no session has a place in it."""
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    if number > newest // LIST_SIZE:
        raise Http404
    response = HttpResponse(signed(number), content_type=CONTENT_TYPE)
    response["Cache-Control"] = f"public, max-age={seconds()}"
    response["Access-Control-Allow-Origin"] = "*"
    return response


def signed(number: int) -> str:
    """Return the list of this number as a JWT, to be kept for `ttl` seconds."""
    now = epoch(timezone.now())
    claims = {
        "sub": list_address(conf().PUBLIC_URL, number),
        "iat": now,
        "exp": now + 2 * seconds(),
        "ttl": seconds(),
        "status_list": {"bits": 1, "lst": base64url(zlib.compress(bits(number), level=9))},
    }
    key = snapshot.ring.current().signer
    return jws(opening(alg=key.algorithm, kid=key.kid, typ="statuslist+jwt"), claims, key.sign)


def bits(number: int) -> bytes:
    """Return the bits of the list, those of the first eight sessions in the first byte.

    The first session of the eight is the lowest bit.
    """
    row = bytearray(LIST_SIZE // 8)
    for pk in snapshot.ends.current().sessions.values():
        list_number, index = divmod(pk, LIST_SIZE)
        if list_number == number:
            row[index // 8] |= 1 << index % 8
    return bytes(row)


def seconds() -> int:
    return int(conf().STATUS_LIST_MAX_AGE.total_seconds())
