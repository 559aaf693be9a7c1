"""What the OAuth endpoints share: form-encoded requests, JSON answers and their errors."""

import re
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict
from rest_framework import exceptions
from rest_framework.parsers import FormParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tokens.api.views import TokenView
from tokens.errors import TokenDomainError
from tokens.oauth.errors import OAuthError, from_domain, from_framework, invalid_request

#: RFC 8707 and RFC 8693 allow several of these; a token of this site has one audience.
REPEATABLE = ("resource", "audience")


class OAuthView(TokenView):
    """A TokenView that takes a form, and answers errors as RFC 6749, section 5.2."""

    http_method_names = ["post"]
    parser_classes: Any = [FormParser]
    renderer_classes: Any = [JSONRenderer]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that is not a form. DRF's parser would also accept `*/*`."""
        media_type = str(request.content_type).partition(";")[0].strip().lower()
        if media_type not in ("", FormParser.media_type):
            raise exceptions.UnsupportedMediaType(media_type)
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer every refusal in the form of RFC 6749, section 5.2."""
        if isinstance(exc, TokenDomainError):
            exc = from_domain(exc)
        elif isinstance(exc, exceptions.APIException):
            exc = from_framework(exc)
        if not isinstance(exc, OAuthError):
            return super().handle_exception(exc)
        return Response(exc.as_json(), status=exc.status, headers=exc.headers)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Add the second header of RFC 6749, section 5.1; TokenView adds Cache-Control."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Pragma"] = "no-cache"
        return response


def parameters(request: Request) -> dict[str, str]:
    """Return the parameters of the form by name.

    A parameter without a value counts as omitted. Raises OAuthError if one is sent twice
    (RFC 6749, section 3.2).
    """
    try:
        form = request.data
    except TooManyFieldsSent as error:
        raise invalid_request("The form has too many parameters.") from error
    if not isinstance(form, QueryDict):
        return {}
    for name, values in form.lists():
        if len(values) > 1:
            code = "invalid_target" if name in REPEATABLE else "invalid_request"
            raise OAuthError(code, f"The parameter {printable(name)} is sent more than once.")
    return {name: str(value) for name, value in form.items() if value}


def printable(name: str) -> str:
    """Return the first characters of a name as an error_description may contain them (5.2)."""
    return re.sub(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]", "?", name[:50])


def required(form: dict[str, str], name: str) -> str:
    """Return the parameter, or raise OAuthError if it is missing."""
    if name not in form:
        raise invalid_request(f"The parameter {name} is missing.")
    return form[name]
