"""The pytest fixture `signed_in`: `pytest_plugins = ["tokens.testing.plugin"]` in conftest.py."""

from collections.abc import Callable

import pytest

from tokens.testing import TokenClient, client_for


@pytest.fixture
def signed_in(db: None) -> Callable[..., TokenClient]:
    """Return `client_for`. Call it as `signed_in(user, roles=["editors"])`, or with `scope`."""
    return client_for
