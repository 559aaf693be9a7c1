"""The headers by which browsers are told what no page of this site may do, or be done to."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

#: For what is no page: nothing in it is run, loaded or framed, should a browser show it as one.
INERT = "default-src 'none'; frame-ancestors 'none'"
#: What a page could ask a person for. None of ours does.
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
        if headers.get("Content-Type", "").startswith("text/html"):
            response = super().process_response(request, response)
        else:
            headers.setdefault("Content-Security-Policy", INERT)
        if request.path_info.startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response
