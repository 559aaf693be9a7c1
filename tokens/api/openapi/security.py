"""How the OpenAPI document describes the ways to authenticate."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from tokens.http import cookies


class BearerExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """By the header, or by cookie, which an unsafe call must accompany with the CSRF token."""

    target_class = "tokens.http.authentication.BearerAuthentication"
    name = ["bearer", "accessCookie", "refreshCookie", "csrfToken"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        unsafe: dict[str, list[Any]] = {} if auto_schema.method == "GET" else {"csrfToken": []}
        return [{"bearer": []}, {"accessCookie": [], **unsafe}]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of a pair: `Authorization: Bearer <access>`.",
            },
            {"type": "apiKey", "in": "cookie", "name": cookies.cookie_name("access")},
            {"type": "apiKey", "in": "cookie", "name": cookies.cookie_name("refresh")},
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-CSRFToken",
                "description": "What `GET /api/auth/csrf/` gives; unsafe calls by cookie need it.",
            },
        ]


class DatabaseExtension(BearerExtension):  # type: ignore[no-untyped-call]
    """The same for clients; who is believed by the row needs no description of its own."""

    target_class = "tokens.http.authentication.DatabaseAuthentication"

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []


#: By the token in the body, or by the one in the cookie.
BODY_OR_COOKIE: list[dict[str, list[str]]] = [{}, {"refreshCookie": [], "csrfToken": []}]
