"""Headers that tell browsers what pages of this site may not do."""

from collections.abc import Callable

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from tokens.http.paths import API, OAUTH, PRIVATE

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
        if headers.get("Permissions-Policy") == PERMISSIONS:
            return response  # ApiHeadersMiddleware has added all others too.
        if headers.get("Content-Type", "").startswith("text/html"):
            response = super().process_response(request, response)
        else:
            headers.setdefault("Content-Security-Policy", INERT)
        if request.path_info.startswith(PRIVATE):
            headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class ApiHeadersMiddleware:
    """Adds all security headers to an answer of the API, except for pages, in one step.

    They are those that the other middleware adds to an empty answer. It adds each of them only if
    it is missing, and would take longer: Django encodes and checks each name and value again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        request, empty = HttpRequest(), HttpResponse()
        del empty.headers["Content-Type"]
        request.path_info = API
        for middleware in (HeadersMiddleware, SecurityMiddleware, XFrameOptionsMiddleware):
            middleware(get_response).process_response(request, empty)
        self.constant = empty.headers._store

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path_info.startswith(PRIVATE) or response.streaming:
            return response
        store = response.headers._store  # the names in lower case, each with its name and value
        if not store.get("content-type", ("", ""))[1].startswith("text/html"):
            length = ("Content-Length", str(len(response.content)))
            response.headers._store = {**self.constant, "content-length": length, **store}
        return response


def set_checked(response: HttpResponseBase, name: str, value: str) -> None:
    """Set a header whose value is known to be valid, so that Django need not check it."""
    response.headers._store[name.lower()] = (name, value)
