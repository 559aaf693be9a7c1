"""Answer programs in JSON where Django alone would not."""

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import MethodNotAllowed

from project.web.errors import answer, bad_request, is_for_programs, not_found


class ProgramErrorMiddleware(MiddlewareMixin):
    """Gives the errors of Django the JSON form of this site if a program asked.

    It is outside of the middleware that raise such errors, and inside those that add headers.
    """

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
    """Return the answer for a program, or None if it has a form of its own or is for people."""
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
