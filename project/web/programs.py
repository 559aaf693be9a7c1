"""Answer calls of the API without the middleware of pages."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.browser.middleware import PagesOnly
from project.web.errors import CommonMiddleware, RefusalMiddleware, may_lack_slash
from project.web.headers import HeadersMiddleware
from project.web.program_errors import ProgramErrorMiddleware
from project.web.refusal import why_unread
from tokens.http.paths import API, PRIVATE

#: They check a request or change its answer, which ProgramMiddleware does in one step.
CHECKING = (
    *(CommonMiddleware, SecurityMiddleware, HeadersMiddleware, XFrameOptionsMiddleware),
    ProgramErrorMiddleware,
)
#: They do nothing for a call of the API that succeeds.
IDLE = (RefusalMiddleware, WhiteNoiseMiddleware)
#: Clients choose the values of the Host header that are remembered as valid.
MAX_HOSTS, MAX_HOST_LENGTH = 256, 255


class ProgramMiddleware:
    """Lets an ordinary call of the API skip the middleware above, which follow in MIDDLEWARE.

    A request that one of them would refuse or redirect passes all of them, and so does an unusual
    answer, such as a page. Together they would take a tenth of an authenticated read. Any other
    middleware between them, such as a developer's, is not skipped, and ends the part that is.
    """

    answer_program: Callable[[HttpRequest], Any]

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = self.answer_program = get_response
        checking, has_cors = [], False
        for middleware in following(get_response):
            kind = type(middleware)  # A subclass may do more.
            if kind in CHECKING:
                checking.append(middleware)
            elif kind is CorsMiddleware:
                has_cors = True
            elif kind not in IDLE and kind.__call__ is not PagesOnly.__call__:
                break
            self.answer_program = middleware.get_response
        if has_cors:
            self.answer_program = CorsMiddleware(self.answer_program)
        self.process_response = [each.process_response for each in reversed(checking)]
        self.headers = {secure: self.added_headers(secure) for secure in (False, True)}
        self.redirects = settings.SECURE_SSL_REDIRECT
        self.has_other_checks = bool(
            settings.USE_X_FORWARDED_HOST or settings.PREPEND_WWW or settings.DISALLOWED_USER_AGENTS
        )
        self.hosts = set[str]()

    def __call__(self, request: HttpRequest) -> Any:
        if not request.path_info.startswith(PRIVATE):
            return self.get_response(request)
        secure = request.is_secure()
        if (
            (self.redirects and not secure)
            or may_lack_slash(request)
            or why_unread(request)
            or not self.knows_host(request)
        ):
            return self.get_response(request)
        response: Any = self.answer_program(request)
        store = response.headers._store  # the names in lower case, each with its name and value
        if is_ordinary(response, store):
            length = ("Content-Length", str(len(response.content)))
            response.headers._store = {**self.headers[secure], "content-length": length, **store}
            return response
        for process in self.process_response:
            response = process(request, response)
        return response

    def knows_host(self, request: HttpRequest) -> bool:
        """Return whether the host of the request is one of ALLOWED_HOSTS."""
        host = request.META.get("HTTP_HOST", "")
        if host in self.hosts:
            return True
        if self.has_other_checks:
            return False
        try:
            request.get_host()
        except DisallowedHost:
            return False
        if 0 < len(host) <= MAX_HOST_LENGTH and len(self.hosts) < MAX_HOSTS:
            self.hosts.add(host)
        return True

    def added_headers(self, secure: bool) -> dict[str, tuple[str, str]]:
        """Return the headers that the skipped middleware add to an empty answer.

        Each middleware adds a header only if it is missing, and would take longer: Django encodes
        and checks each name and value again.
        """
        request, response = HttpRequest(), cast("Any", HttpResponse())
        request.path_info = API
        vars(request)["_get_scheme"] = lambda: "https" if secure else "http"
        del response.headers["Content-Type"]
        for process in self.process_response:
            response = process(request, response)
        return dict(response.headers._store)


def following(get_response: Any) -> Iterator[Any]:
    """Yield the middleware that follow in MIDDLEWARE. None follows a switch to asynchronous code.

    Django wraps each one in a function that answers its exceptions.
    """
    while middleware := getattr(get_response, "__wrapped__", None):
        yield middleware
        get_response = getattr(middleware, "get_response", None)


def is_ordinary(response: HttpResponse, store: dict[str, tuple[str, str]]) -> bool:
    """Return whether the skipped middleware would only add headers to the answer.

    They give a page its policy, let a marked answer be framed, and remove a header for pages of
    other sites.
    """
    return not (
        response.streaming
        or "xframe_options_exempt" in vars(response)
        or "access-control-allow-origin" in store
        or "access-control-allow-credentials" in store
        or store.get("content-type", ("", ""))[1].startswith("text/html")
    )
