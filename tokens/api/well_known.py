"""The public keys and the status lists, with which services verify access tokens.

These responses are public: any origin may read them, and clients may cache them. So is the metadata
of tokens/oauth/metadata.py.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tokens.conf import conf
from tokens.keys.keyring import keyring
from tokens.revocation.status_list import cached_bits, list_count, max_age, sign_list

CONTENT_TYPE = "application/statuslist+jwt"


@csrf_exempt
@require_safe
def key_set(request: HttpRequest) -> JsonResponse:
    """Return the public keys that verify access tokens (RFC 7517, section 5)."""
    return public({"keys": [*keyring.current().jwks]}, "application/jwk-set+json")


def public(facts: Any, content_type: str) -> JsonResponse:
    """Return a response that any origin may read and any client may cache for JWKS_MAX_AGE."""
    response = JsonResponse(facts, content_type=content_type)
    response["Cache-Control"] = f"public, max-age={int(conf().JWKS_MAX_AGE.total_seconds())}"
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
    row = cached_bits(number).current()
    response = HttpResponse(sign_list(number, row), content_type=CONTENT_TYPE)
    response["Cache-Control"] = f"public, max-age={max_age()}"
    response["Access-Control-Allow-Origin"] = "*"
    return response
