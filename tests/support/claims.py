"""A function for TOKENS["CLAIMS"], as docs/protecting.md describes it."""

from typing import Any

from tokens.models import DeviceSession


def tenant(subject: Any, session: DeviceSession) -> dict[str, str]:
    """Return the tenant of a person; service accounts have none."""
    return {} if session.user_id is None else {"tenant": "north"}
