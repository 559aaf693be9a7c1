"""The successful answer of the token endpoint (RFC 6749, section 5.1)."""

from typing import Any

from django.utils import timezone

from tokens.jwt.claims import AccessToken, Pair, epoch
from tokens.jwt.parsing import require_length


def token_answer(access: AccessToken, **more: Any) -> dict[str, Any]:
    """Return the answer for an access token, or raise TokenTooLongError."""
    answer = _answer(access, **more)
    require_length(answer["access_token"])
    return answer


def pair_answer(pair: Pair) -> dict[str, Any]:
    """Return the answer for a pair. The client needs the refresh token, so it has any length."""
    return _answer(pair.access, refresh_token=str(pair.refresh))


def _answer(access: AccessToken, **more: Any) -> dict[str, Any]:
    """Return the answer; `expires_in` is in seconds."""
    scope = {"scope": access["scope"]} if "scope" in access else {}
    return {
        "access_token": str(access),
        "token_type": "Bearer",
        "expires_in": access["exp"] - epoch(timezone.now()),
        **scope,
        **more,
    }
