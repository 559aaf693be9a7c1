"""The public keys and the status lists, with which services verify access tokens.

These responses are public: any origin may read them, and clients may cache them. So is the metadata
of tokens/oauth/metadata.py.
"""

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tokens.conf import conf
from tokens.keys.keyring import keyring
from tokens.revocation.status_list import cached_bits, list_count, sign_list

KEY_SET = "application/jwk-set+json"
STATUS_LIST = "application/statuslist+jwt"


@csrf_exempt
@require_safe
def key_set(request: HttpRequest) -> HttpResponse:
    """Return the public keys that verify access tokens (RFC 7517, section 5)."""
    body = JsonResponse({"keys": [*keyring.current().jwks]}, content_type=KEY_SET)
    return public(body, conf().JWKS_MAX_AGE)


def public(response: HttpResponse, max_age: timedelta) -> HttpResponse:
    """Let any origin read this response and any client cache it for so long; return it."""
    response["Cache-Control"] = f"public, max-age={int(max_age.total_seconds())}"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@csrf_exempt
@require_safe
def status_list(request: HttpRequest, number: int) -> HttpResponse:
    """Return a status list as a signed token, or 404 if it covers no session.

    A list has one URL, so a number with leading zeros is 404 as well.
    """
    if number >= list_count.current() or not request.path_info.endswith(f"/{number}"):
        raise Http404
    signed = sign_list(number, cached_bits(number).current())
    return public(HttpResponse(signed, content_type=STATUS_LIST), conf().STATUS_LIST_MAX_AGE)
