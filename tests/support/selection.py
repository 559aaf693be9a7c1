"""Mark the tests that start programs or race; `make test-fast` leaves the slow tests out.

The slow tests are one group, so pytest-xdist runs them one after the other: two tests that depend
on time do not disturb each other.
"""

from collections import Counter
from types import FunctionType

import pytest

from tests.support.racing import queue, race
from tests.support.servers import serve
from tests.support.site import latchkey

FOLDERS = ("tests/browser/", "tests/clients/")
#: Fixtures that start a program.
FIXTURES = {"redis_server", "run", "servers", "site"}
#: Functions that start a program or that let callers race.
CALLS = (latchkey, queue, race, serve)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    grouped = getattr(config.option, "loadgroup", False)
    for item in items:
        # Schemathesis gives the tests of all operations the same id.
        if operation := getattr(item, "operation_label", ""):
            rename(item, f"{item.nodeid}[{operation}]")
        if is_slow(item):
            item.add_marker("slow")
        if grouped and item.get_closest_marker("slow"):
            rename(item, f"{item.nodeid}@slow")
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"pytest-xdist would run one test of each of these ids: {twice}")


def rename(item: pytest.Item, name: str) -> None:
    """Change the id; what follows an @ is the group. pytest-xdist 3.8 cannot with pytest 9.2."""
    item._id = item.id.parse(name)


def is_slow(item: pytest.Item) -> bool:
    """Return whether the test starts a program or races, as far as its file and code tell."""
    if item.nodeid.startswith(FOLDERS) or FIXTURES & {*getattr(item, "fixturenames", ())}:
        return True
    function = getattr(item, "function", None)
    return isinstance(function, FunctionType) and any(
        function.__globals__.get(name) is called
        for name in function.__code__.co_names
        for called in CALLS
    )
