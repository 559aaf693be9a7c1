"""The ids in tokens. Clients repeat their token, so the parsed ids are cached."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

#: The session that a claim `sid` names, or ValueError.
session_id = lru_cache(maxsize=4096)(UUID)


@lru_cache(maxsize=4096)
def primary_key(sub: str) -> Any:
    """Return the primary key of the user that a claim `sub` names, or raise ValidationError."""
    return get_user_model()._meta.pk.to_python(sub)
