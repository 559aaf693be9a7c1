"""The settings of drf-spectacular, which generates the OpenAPI document."""

from typing import Any

CLIENT_SECRET = {
    "type": "http",
    "scheme": "basic",
    "description": "The client id and a secret of a service account, each form-encoded.",
}


def settings(*, title: str) -> dict[str, Any]:
    """Return SPECTACULAR_SETTINGS for a site of this name."""
    return {
        "TITLE": title,
        "VERSION": "0.1.0",
        "OAS_VERSION": "3.1.0",  # 3.0 has no body for DELETE
        "DESCRIPTION": "Signs people and programs in and rotates their access and refresh tokens.",
        "TAGS": [
            {"name": "tokens", "description": "Sign in, refresh tokens, sign out."},
            {"name": "sessions", "description": "List the signed-in devices, and sign them out."},
            {"name": "oauth", "description": "OAuth endpoints, which take forms."},
            {"name": "account", "description": "Read and change the signed-in user's account."},
            {"name": "example", "description": "An example of an API that access tokens protect."},
        ],
        # An operation that names no tag has the first segment after this prefix: the app.
        "SCHEMA_PATH_PREFIX": "/api/",
        "APPEND_COMPONENTS": {"securitySchemes": {"clientSecret": CLIENT_SECRET}},
        "ENFORCE_NON_BLANK_FIELDS": True,
        "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    }
