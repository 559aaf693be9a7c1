"""What other services need to believe our access tokens alone: the keys, and where things are.

Everybody may read it, from any origin, and keep it for a while.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tokens.conf import conf
from tokens.keys.keyring import keyring
from tokens.revocation.status_list import cached_bits, list_count, max_age, sign_list

CONTENT_TYPE = "application/statuslist+jwt"


@csrf_exempt
@require_safe
def key_set(request: HttpRequest) -> JsonResponse:
    """Answer with the public keys that access tokens are verified with (RFC 7517, section 5)."""
    return public({"keys": [*keyring.current().jwks]}, "application/jwk-set+json")


@csrf_exempt
@require_safe
def metadata(request: HttpRequest) -> JsonResponse:
    """Answer with what of OAuth this site has (RFC 8414, section 2): only what answers is named."""
    facts = {
        "issuer": conf().issuer,
        "jwks_uri": f"{conf().issuer}{reverse('key-set')}",
        "response_types_supported": [],
        "grant_types_supported": [],
        "service_documentation": f"{conf().PUBLIC_URL}{reverse('docs')}",
    }
    return public(facts, "application/json")


def public(facts: Any, content_type: str) -> JsonResponse:
    """Return an answer that anybody may read and keep for JWKS_MAX_AGE."""
    response = JsonResponse(facts, content_type=content_type)
    response["Cache-Control"] = f"public, max-age={int(conf().JWKS_MAX_AGE.total_seconds())}"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@csrf_exempt
@require_safe
def status_list(request: HttpRequest, number: int) -> HttpResponse:
    """Answer with a list as a signed token (section 5.1); 404 if no session has a place in it."""
    if number >= list_count.current():
        raise Http404
    row = cached_bits(number).current()
    response = HttpResponse(sign_list(number, row), content_type=CONTENT_TYPE)
    response["Cache-Control"] = f"public, max-age={max_age()}"
    response["Access-Control-Allow-Origin"] = "*"
    return response
