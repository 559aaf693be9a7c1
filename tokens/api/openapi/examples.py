"""Example values of the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
)

#: Examples of tokens. The tests replace them with valid ones.
ACCESS = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2lnbmVk"
REFRESH = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmVk"
SID = "0e0a4d8c-1f6b-4b0e-9a55-3d5c5f0f7a11"
CSRF = "Yk3vJ0sN8oq5XbZr1TtGm2LwDfHc9PUe7iRxAq4KSlMnBvCyEjOgWzIhFuQdVaXp"
OLD_KEY = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
IDEMPOTENCY_KEY = "4f0c2b9d1e7a4c55a6d3f8e2b1907c64"
PAIR = {
    "access": ACCESS,
    "refresh": REFRESH,
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_expires_in": 1209600,
    "session": SID,
    "generation": 1,
}


def example(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value)
