"""The WSGI handler, which receives each request from the server."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch
from django.utils.log import log_response

MAX_PATHS = 256  # whose views are remembered


class Handler(WSGIHandler):
    """Django's handler, which looks for the view of a path without arguments only once.

    For a path of the API this would take as long as the signature of its token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.matches: dict[str, ResolverMatch] = {}

    def get_response(self, request: HttpRequest) -> Any:
        """Answer as Django does, but do not store ROOT_URLCONF for the thread: it is the default.

        Django stores it for each request and removes it afterwards.
        """
        response = vars(self)["_middleware_chain"](request)  # The stubs do not know it.
        response._resource_closers.append(request.close)
        if response.status_code >= 400:
            line = "%s: %s", response.reason_phrase, request.path
            log_response(*line, response=response, request=request)
        return response

    def resolve_request(self, request: HttpRequest) -> Any:
        if hasattr(request, "urlconf"):  # A middleware can choose other addresses.
            return super().resolve_request(request)
        match = self.matches.get(request.path_info)
        if match is None:
            match = super().resolve_request(request)
            if not match.args and not match.kwargs and len(self.matches) < MAX_PATHS:
                self.matches[request.path_info] = match
        request.resolver_match = match
        return match
