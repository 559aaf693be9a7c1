"""Believe Latchkey's access tokens in another service: by its public keys, without asking it."""

from latchkey_verifier.asgi import Bearer, claims_of
from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import (
    Refusal,
    RoleLacking,
    TokenRefused,
    VerifierError,
    VerifierUnavailable,
)
from latchkey_verifier.verifier import Verifier

__all__ = [
    "Bearer",
    "Claims",
    "Refusal",
    "RoleLacking",
    "TokenRefused",
    "Verifier",
    "VerifierError",
    "VerifierUnavailable",
    "claims_of",
]
