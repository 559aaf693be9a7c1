"""Verify Latchkey's access tokens in another service with the site's public keys."""

from latchkey_verifier.asgi import Bearer, claims_of
from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import (
    NothingPresented,
    Refusal,
    RoleLacking,
    ScopeLacking,
    TokenRefused,
    VerifierError,
    VerifierUnavailable,
)
from latchkey_verifier.verifier import Verifier
from latchkey_verifier.wsgi import WSGIBearer

__all__ = [
    "Bearer",
    "Claims",
    "NothingPresented",
    "Refusal",
    "RoleLacking",
    "ScopeLacking",
    "TokenRefused",
    "Verifier",
    "VerifierError",
    "VerifierUnavailable",
    "WSGIBearer",
    "claims_of",
]
