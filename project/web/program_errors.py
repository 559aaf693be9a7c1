"""Answer programs in JSON where Django alone would not."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext
from rest_framework.exceptions import MethodNotAllowed

from project.web.errors import answer, bad_request, is_for_programs, not_found
from tokens.http.paths import PRIVATE


class ProgramErrorMiddleware(MiddlewareMixin):
    """Gives the errors of Django the JSON form of this site if a program asked.

    It is outside of the middleware that raise such errors, and inside those that add headers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        super().__init__(get_response)
        self.redirect = SecurityMiddleware(get_response).process_request

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse a call over http, instead of the redirect to https that a page gets.

        A program would follow the redirect without its body, and its developer would not notice
        that its password or token was readable on the network.
        """
        if not request.path_info.startswith(PRIVATE) or not self.redirect(request):
            return None
        detail = gettext("Use https. Everything that this request contains was sent unencrypted.")
        return answer(request, 403, "https_required", detail)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer an error of a view as without DEBUG, for which Django has a page."""
        if not settings.DEBUG or not is_for_programs(request):
            return None
        if isinstance(error, Http404):
            return not_found(request, error)
        if isinstance(error, BadRequest | SuspiciousOperation):
            return bad_request(request, error)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.status_code >= 400 and (told := in_json(request, response)):
            response.content = told.content  # Its headers, such as those of CORS, stay.
            response.headers["Content-Length"] = str(len(told.content))
            for name, value in told.headers.items():
                response.headers[name] = value
        return response


def in_json(request: HttpRequest, response: HttpResponse) -> HttpResponse | None:
    """Return the answer for a program, or None if the response stays as it is."""
    if not is_for_programs(request):
        return None
    if isinstance(response, HttpResponseNotAllowed) and not response.content:
        error = MethodNotAllowed(str(request.method))
        return answer(request, 405, error.default_code, str(error.detail))
    if request.resolver_match or not settings.DEBUG or isinstance(response, JsonResponse):
        return None
    # No view was found or asked: this is a page of Django for developers.
    handler = {400: bad_request, 404: not_found}.get(response.status_code)
    return handler(request, Http404()) if handler else None
