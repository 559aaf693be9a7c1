"""Why a verifier refuses a token."""

import pytest
from latchkey_verifier import Refusal, TokenRefused, Verifier


def refusal(verifier: Verifier, token: str) -> Refusal:
    """Return the reason why the verifier refuses the token. It must refuse it."""
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    return refused.value.reason
