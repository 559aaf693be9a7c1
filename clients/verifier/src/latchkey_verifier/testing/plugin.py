"""The fixture `latchkey_issuer`: `pytest_plugins = ["latchkey_verifier.testing.plugin"]`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from latchkey_verifier.testing import LocalIssuer
from latchkey_verifier.verifier import Verifier


@pytest.fixture
def latchkey_issuer() -> Iterator[Callable[[Verifier], LocalIssuer]]:
    """Return a function that makes the verifier trust a LocalIssuer until the test ends.

    Call it as `latchkey_issuer(verifier).token(roles=["shipping"])`.
    """
    with ExitStack() as stack:
        yield lambda verifier: stack.enter_context(LocalIssuer(verifier))
