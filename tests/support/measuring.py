"""Measure coverage only during the tests of tokens and accounts: it doubles the time of a test."""

import sys
from collections.abc import Generator

import pytest
from coverage import Coverage

MEASURED = ("tests/tokens/", "tests/accounts/")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if Coverage.current() is None or item.nodeid.startswith(MEASURED):
        return (yield)  # Without coverage, the tracer may be a debugger's.
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
