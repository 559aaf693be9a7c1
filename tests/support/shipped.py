"""The URL patterns that the project ships. Tests of every URL use these, without a developer's.

This module is also a URLconf that has only the shipped URLs.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, path

from project.web.docs import document

APPS = ("project", "accounts", "tokens")


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every shipped route and its pattern, except those in a namespace."""
    for pattern in resolver.url_patterns:
        route = f"{before}{pattern.pattern}"
        if not isinstance(pattern, URLPattern):
            if pattern.namespace is None:
                yield from addresses(pattern, route)
        elif is_shipped(pattern):
            yield route, pattern


def is_shipped(pattern: URLPattern) -> bool:
    """Return whether the view is defined in one of the shipped apps."""
    view: Any = pattern.callback
    owner = getattr(view, "cls", None) or getattr(view, "view_class", view)
    return getattr(owner, "__module__", "").partition(".")[0] in APPS


ADDRESSES = dict(addresses(get_resolver("project.urls")))
#: The routes of the API in the notation of the OpenAPI document.
API = {re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{route}") for route in ADDRESSES if route[:4] == "api/"}
OAUTH = {f"/{route}" for route in ADDRESSES if route.startswith("oauth/")}

urlpatterns = [
    path(route, pattern.callback, name=pattern.name or "") for route, pattern in ADDRESSES.items()
]


def described(routes: set[str] = API) -> dict[str, Any]:
    """Return these paths of the OpenAPI document, each with its operations."""
    paths = json.loads(document())["paths"]
    return {path: operations for path, operations in paths.items() if path in routes}
