"""The OpenAPI document of the API, and the page that shows it to people."""

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

#: Swagger UI writes styles into its elements and has its icons in the style sheet.
ONLY_FROM_HERE = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


@cache
def document() -> bytes:
    """Return the OpenAPI document as JSON; it is made once a process, when first asked for."""
    described = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(described))


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document, the same for everybody."""
    return HttpResponse(document(), content_type="application/vnd.oai.openapi+json")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Answer with Swagger UI, and have the browser load nothing from elsewhere."""
    response = render(request, "docs.html")
    response["Content-Security-Policy"] = ONLY_FROM_HERE
    return response
