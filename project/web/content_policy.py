"""The Content Security Policy of pages: what a browser may load, run and send for them."""

from typing import Any

from csp.constants import NONCE, NONE, SELF


def settings(*, secure: bool) -> dict[str, Any]:
    """Return CONTENT_SECURITY_POLICY for a site with https, or without it."""
    return {
        "DIRECTIVES": {
            "default-src": [NONE],
            "script-src": [SELF, NONCE],
            "style-src": [SELF, NONCE],
            "img-src": [SELF],
            "font-src": [SELF],
            "connect-src": [SELF],
            "form-action": [SELF],
            "object-src": [NONE],
            "base-uri": [NONE],
            "frame-ancestors": [NONE],
            "upgrade-insecure-requests": secure,
        }
    }
