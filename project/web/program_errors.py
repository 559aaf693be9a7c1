"""Answer programs in JSON where Django alone would not."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import MethodNotAllowed

from project.web.errors import answer, is_for_programs


class ProgramErrorMiddleware(MiddlewareMixin):
    """Gives the errors of Django the JSON form of this site if a program asked.

    It is outside of the middleware that raise such errors, and inside those that add headers.
    """

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
    return None
