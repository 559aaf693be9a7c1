"""The WSGI handler, which receives each request from the server."""

import re
from functools import partial
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, parse_cookie
from django.middleware.locale import LocaleMiddleware
from django.urls import ResolverMatch, set_urlconf
from django.utils.functional import cached_property
from django.utils.log import log_response
from django.utils.module_loading import import_string

MAX_PATHS = 256  # whose views are remembered
COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265, section 4.1.1


class Cookies:
    """A request whose cookies have valid names only.

    Django strips all whitespace of Unicode from a name. Another host of the domain can therefore
    set a cookie whose name has such a character before `__Host-`: the browser does not recognise
    the prefix, and the site would read the cookie as its own.
    """

    META: dict[str, Any]

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # noqa: N802  (the name is Django's)
        parts = str(self.META.get("HTTP_COOKIE", "")).split(";")
        valid = [each for each in parts if COOKIE_NAME.fullmatch(name_in(each))]
        # WSGI passes each byte as one character (PEP 3333).
        return parse_cookie(";".join(valid).encode("latin-1").decode(errors="replace"))


def name_in(cookie: str) -> str:
    return cookie.partition("=")[0].strip(" \t")


class Request(Cookies, WSGIRequest):  # type: ignore[override]  # the stubs declare an attribute
    """Django's request, with valid cookies."""


class Handler(WSGIHandler):
    """Django's handler, which looks for the view of a path without arguments only once.

    For a path of the API this would take as long as the signature of its token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.request_class = Request
        #: The attributes of the match of each path.
        self.matches: dict[str, dict[str, Any]] = {}
        #: Whether the paths may depend on the language of a request.
        self.has_languages = has_middleware(LocaleMiddleware)

    def get_response(self, request: HttpRequest) -> Any:
        """Answer as Django does, but do not store ROOT_URLCONF for the thread: it is the default.

        Django stores it for each request. Other addresses, which a middleware has chosen, are
        removed when the response is closed.
        """
        response = vars(self)["_middleware_chain"](request)  # The stubs do not know it.
        response._resource_closers.append(request.close)
        if hasattr(request, "urlconf"):
            response._resource_closers.append(partial(set_urlconf, None))
        if response.status_code >= 400:
            reason, path = response.reason_phrase, request.path
            log_response("%s: %s", reason, path, response=response, request=request)
        return response

    def resolve_request(self, request: HttpRequest) -> Any:
        if hasattr(request, "urlconf"):  # A middleware can choose other addresses.
            return super().resolve_request(request)
        known = self.matches.get(request.path_info)
        if known is not None:
            match = match_of(known)
        else:
            match = super().resolve_request(request)
            if self.may_remember(match):
                self.matches[request.path_info] = {**vars(match)}
        request.resolver_match = match
        return match

    def may_remember(self, match: ResolverMatch) -> bool:
        is_fixed = not (match.args or match.kwargs or self.has_languages)
        return is_fixed and len(self.matches) < MAX_PATHS


def has_middleware(*kinds: type) -> bool:
    """Return whether MIDDLEWARE has one of these classes, or a subclass of one."""
    middleware = [import_string(name) for name in settings.MIDDLEWARE]
    return any(isinstance(each, type) and issubclass(each, kinds) for each in middleware)


def match_of(known: dict[str, Any]) -> ResolverMatch:
    """Return a new match. Middleware may change its dictionaries, for one request only."""
    match = ResolverMatch.__new__(ResolverMatch)
    own: dict[str, Any] = {"kwargs": {}, "captured_kwargs": {}, "extra_kwargs": {}}
    match.__dict__ = {**known, **own}
    return match
