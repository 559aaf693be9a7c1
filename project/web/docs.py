"""The OpenAPI document, and the page that shows it with Swagger UI."""

from functools import cache
from threading import Lock
from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer


class BodySchema(AutoSchema):
    """Describes the body of a DELETE request, which drf-spectacular leaves out.

    The operation names the body, as in `@extend_schema(request=…)`. The serializer of a viewset
    describes no DELETE.
    """

    _deletes = False

    def _get_request_body(self, direction: str = "request") -> Any:
        method = self.method
        self._deletes = method == "DELETE"
        self.method = "POST" if self._deletes else method
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # not annotated
        finally:
            self.method = method

    def get_request_serializer(self) -> Any:
        """Return the serializer of the view, which `@extend_schema(request=…)` replaces."""
        return None if self._deletes else super().get_request_serializer()


_generating = Lock()  # drf-spectacular fails if two threads generate a document.


def document() -> bytes:
    """Return the OpenAPI document as JSON; the first caller in a process generates it."""
    with _generating:
        return _document()


@cache
def _document() -> bytes:
    with GENERATOR_STATS.silence():
        described = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # not annotated
    return bytes(OpenApiJsonRenderer().render(described))


@login_not_required
@csrf_exempt
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document. It does not depend on the caller."""
    return HttpResponse(document(), content_type="application/vnd.oai.openapi+json")


@login_not_required
@csrf_exempt
@require_safe
@csp_update({"img-src": ["data:"]})  # The style sheet of Swagger UI contains its icons.
def page(request: HttpRequest) -> HttpResponse:
    """Return the page with Swagger UI, whose files this site serves."""
    return render(request, "docs.html")
