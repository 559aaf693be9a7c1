"""How the OpenAPI document describes the ways to authenticate."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from tokens.http import cookies


class BearerExtension(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # not annotated
    """The access token in the header, or in the cookie: then unsafe requests need a CSRF token."""

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
                "description": "From `GET /api/auth/csrf/`. Unsafe requests with cookies need it.",
            },
        ]


class DatabaseExtension(BearerExtension):  # type: ignore[no-untyped-call]  # not annotated
    """The same for clients: only the server checks the token in another way."""

    target_class = "tokens.http.authentication.DatabaseAuthentication"

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []


#: The refresh token is in the body or in the cookie.
BODY_OR_COOKIE: list[dict[str, list[str]]] = [{}, {"refreshCookie": [], "csrfToken": []}]
