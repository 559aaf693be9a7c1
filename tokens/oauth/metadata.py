"""Authorization server metadata (RFC 8414, section 2): it names only what this site answers."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tokens.api.well_known import public
from tokens.conf import conf
from tokens.jwt.grants import known_scopes
from tokens.oauth.token import GRANTS

CLIENT_AUTHENTICATION = ["client_secret_basic", "client_secret_post"]


@csrf_exempt
@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """Answer with the endpoints, grants and scopes of this site."""

    def url(name: str) -> str:
        return f"{conf().PUBLIC_URL}{reverse(name)}"

    body = {
        "issuer": conf().issuer,
        "jwks_uri": url("key-set"),
        "token_endpoint": url("oauth-token"),
        "token_endpoint_auth_methods_supported": [*CLIENT_AUTHENTICATION, "none"],
        "revocation_endpoint": url("oauth-revoke"),
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint": url("oauth-introspect"),
        "introspection_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "grant_types_supported": [*GRANTS],
        # Section 2 requires this member and section 3.2 forbids an empty array, but this site
        # has no authorization endpoint: any value would name a response type without an answer.
        "response_types_supported": [],
        "scopes_supported": [*known_scopes()],
        "service_documentation": url("docs"),
    }
    return public(JsonResponse(body), conf().JWKS_MAX_AGE)
