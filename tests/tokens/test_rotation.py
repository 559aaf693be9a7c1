"""What refresh promises, line by line of the table in tokens/rotation.py."""

import pytest

from accounts.models import User
from tests.conftest import API, row

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_refresh_gives_the_successor(api: API, alice: User) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"])
    assert second["refresh"] != first["refresh"]
    assert second["generation"] == 2
    assert row(first).generation == 2
