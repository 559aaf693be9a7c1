"""Measure coverage only during the tests of tokens and accounts: it doubles the time of a test."""

import sys
from collections.abc import Generator

import pytest

MEASURED = ("tests/tokens/", "tests/accounts/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    tracer = sys.gettrace()
    if not item.nodeid.startswith(MEASURED):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
