"""Headers that tell browsers what pages of this site may not do."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tokens.http.paths import OAUTH, PRIVATE

#: For other answers than pages: a browser that shows one runs, loads and frames nothing in it.
INERT = "default-src 'none'; frame-ancestors 'none'"
#: Features that no page of this site uses.
NEVER_ASKED = ("camera", "geolocation", "microphone", "midi", "payment", "serial", "usb")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in NEVER_ASKED)


class HeadersMiddleware(CSPMiddleware):
    """Adds the policy of CONTENT_SECURITY_POLICY to pages, unless one has its own, and the rest.

    A script or style in the text of a page is run only with `nonce="{{ request.csp_nonce }}"`.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        headers = response.headers
        if request.path_info.startswith(OAUTH):
            # These endpoints read no cookie, so no page may send one to them.
            headers.pop("Access-Control-Allow-Credentials", None)
        if headers.get("Content-Type", "").startswith("text/html"):
            response = super().process_response(request, response)
        else:
            headers.setdefault("Content-Security-Policy", INERT)
        if request.path_info.startswith(PRIVATE):
            headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


def set_checked(response: HttpResponseBase, name: str, value: str) -> None:
    """Set a header whose value is known to be valid, so that Django need not check it."""
    response.headers._store[name.lower()] = (name, value)
