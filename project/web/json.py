"""The only format of the API: JSON of a limited size."""

from collections.abc import Iterable, Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework import parsers, renderers
from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from tokens.http.paths import PRIVATE

MAX_BODY_SIZE = 64 * 1024  # bytes
TOO_LARGE = "The body may have at most {} bytes."


def longest_body(path: str) -> int:
    """Return how many bytes a body may have at this path."""
    return MAX_BODY_SIZE if path.startswith(PRIVATE) else settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class BodyTooLargeError(APIException):
    """413: the body is larger than any valid request."""

    status_code = 413
    default_detail = TOO_LARGE.format(MAX_BODY_SIZE)
    default_code = "too_large"


class JSONParser(parsers.JSONParser):
    """Parses JSON of a limited size. Malformed JSON of any kind is a 400."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BODY_SIZE + 1)
        if len(body) > MAX_BODY_SIZE:
            raise BodyTooLargeError
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ParseError(f"The body is not JSON. The error is at {place}.") from error


class JSONRenderer(renderers.JSONRenderer):
    """Django REST framework's, in less time."""

    encode_other = JSONEncoder().default

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, self.encode_other, orjson.OPT_PASSTHROUGH_DATETIME)
        except TypeError:  # It writes no integer of more than 64 bits, and only texts as keys.
            return bytes(super().render(data, accepted_media_type, renderer_context))


class JSONAlways(DefaultContentNegotiation):
    """Answer in JSON and ignore the Accept header: the API has no other format."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return the parser of the body's media type, which need not be parsed if it is plain."""
        for parser in parsers:
            if parser.media_type == request.content_type:
                return parser
        return super().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)
