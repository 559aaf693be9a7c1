"""A browser in which alice is signed in."""

import pytest

from accounts.models import User
from tests.support.visits import Browser


@pytest.fixture
def laptop(alice: User) -> Browser:
    """A browser in which alice is signed in."""
    laptop = Browser()
    assert laptop.sign_in().status_code == 204
    return laptop
