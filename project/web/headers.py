"""Headers that tell browsers what pages of this site may not do."""

from typing import Any

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from project.web.json import JSONRenderer
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

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Offer `request.csp_nonce` to a view of the API that may answer with a page."""
        if "csp_nonce" not in vars(request) and not answers_json(view):
            self.process_request(request)

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


def answers_json(view: Any) -> bool:
    """Return whether this is a view of Django REST framework that answers with JSON only."""
    renderers = getattr(getattr(view, "cls", None), "renderer_classes", ())
    return [*renderers] == [JSONRenderer]


def set_checked(response: HttpResponseBase, name: str, value: str) -> None:
    """Set a header whose value is known to be valid, so that Django need not check it."""
    response.headers._store[name.lower()] = (name, value)
