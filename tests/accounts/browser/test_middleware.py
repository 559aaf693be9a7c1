"""Calls of the API pass the middleware of the pages."""

from typing import Any

import pytest
from django.test import Client

from accounts.browser.middleware import PagesOnly


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        (
            "/",
            [
                "SessionMiddleware",
                "CsrfViewMiddleware",
                "AuthenticationMiddleware",
                "MessageMiddleware",
            ],
        ),
        ("/api/example/", ["SessionMiddleware"]),
        ("/.well-known/jwks.json", ["SessionMiddleware"]),
    ],
)
def test_a_call_of_the_api_passes_the_middleware_of_pages_in_one_step(
    db: None, monkeypatch: pytest.MonkeyPatch, path: str, steps: list[str]
) -> None:
    """Guards their order in MIDDLEWARE: another one between them would add a step."""
    passed = list[str]()
    call = PagesOnly.__call__

    def note(self: Any, request: Any) -> Any:
        passed.append(type(self).__name__)
        return call(self, request)

    monkeypatch.setattr(PagesOnly, "__call__", note)
    assert Client().get(path).status_code in (200, 401)
    assert passed == steps
