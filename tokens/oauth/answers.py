"""The successful answer of the token endpoint (RFC 6749, section 5.1)."""

from typing import Any

from django.utils import timezone

from tokens.jwt.claims import AccessToken, Pair, epoch


def token_answer(access: AccessToken, **more: Any) -> dict[str, Any]:
    """Return the answer for an access token; `expires_in` is in seconds."""
    scope = {"scope": access["scope"]} if "scope" in access else {}
    return {
        "access_token": str(access),
        "token_type": "Bearer",
        "expires_in": access["exp"] - epoch(timezone.now()),
        **scope,
        **more,
    }


def pair_answer(pair: Pair) -> dict[str, Any]:
    """Return the answer for a pair."""
    return token_answer(pair.access, refresh_token=str(pair.refresh))
