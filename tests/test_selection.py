"""The choice of slow tests, their group in pytest-xdist, and the tests that run once."""

import pytest

from accounts.models import User
from tests.support.selection import depends_on_engine, is_slow, rename


def test_a_changed_test_id_is_the_one_that_pytest_uses(request: pytest.FixtureRequest) -> None:
    """`rename` sets a private attribute of pytest, for which pytest has no public function."""
    before = request.node.nodeid
    rename(request.node, f"{before}@slow")
    try:
        assert request.node.nodeid == f"{before}@slow"
    finally:
        rename(request.node, before)
    assert request.node.nodeid == before


def test_a_test_that_calls_nothing_slow_is_not_slow(request: pytest.FixtureRequest) -> None:
    assert not is_slow(request.node)
    assert not request.node.get_closest_marker("slow")


def test_a_test_without_a_database_depends_on_no_engine(request: pytest.FixtureRequest) -> None:
    assert not depends_on_engine(request.node)


@pytest.mark.django_db
def test_a_marked_test_depends_on_the_engine(request: pytest.FixtureRequest) -> None:
    assert depends_on_engine(request.node)


def test_a_test_with_rows_depends_on_the_engine(
    alice: User, request: pytest.FixtureRequest
) -> None:
    assert depends_on_engine(request.node)


@pytest.mark.skipif("False", reason="never")
def test_a_test_skipped_somewhere_depends_on_the_engine(request: pytest.FixtureRequest) -> None:
    assert depends_on_engine(request.node)
