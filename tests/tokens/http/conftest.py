"""The app in which alice is signed in."""

import pytest

from accounts.models import User
from tests.support.browsing import App


@pytest.fixture
def app(alice: User) -> App:
    """The app in which alice is signed in."""
    app = App()
    assert app.login(alice).status_code == 200
    return app
