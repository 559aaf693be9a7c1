"""Mark the tests that start programs or race; `make test-fast` leaves the slow tests out.

The slow tests of a module form a group: pytest-xdist runs them in one process, one after the other,
so that the module's servers start only once.

A slow test that does not use the test database is also marked `once`. The programs that it starts
have their own databases, so the result is the same with every engine under test.
"""

import inspect
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType

import pytest

from tests.support.racing import queue, race
from tests.support.servers import serve
from tests.support.site import latchkey

PATHS = (
    *("tests/browser/", "tests/clients/"),
    *("tests/project/test_gateway.py", "tests/project/test_output.py"),
    "tests/project/test_own_code.py",
)
#: Fixtures of pytest-django that give access to the test database.
DATABASE = {"db", "transactional_db", "_django_db_helper"}
#: Functions and modules that start a program or a race.
CALLS = (latchkey, queue, race, serve, subprocess)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    grouped = getattr(config.option, "loadgroup", False)
    for item in items:
        # Schemathesis gives the tests of all operations the same id.
        if operation := getattr(item, "operation_label", ""):
            rename(item, f"{item.nodeid}[{operation}]")
        if is_slow(item):
            item.add_marker("slow")
        if item.get_closest_marker("slow"):
            if not depends_on_engine(item):
                item.add_marker("once")
            if grouped:
                rename(item, f"{item.nodeid}@{item.nodeid.partition('::')[0]}")
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"pytest-xdist would run one test of each of these ids: {twice}")


def rename(item: pytest.Item, name: str) -> None:
    """Change the id. The part after an @ is the group: pytest-xdist 3.8 cannot set it itself."""
    item._id = item.id.parse(name)


def depends_on_engine(item: pytest.Item) -> bool:
    """Return whether the test uses the test database, or is skipped on one of the engines."""
    fixtures = {*getattr(item, "fixturenames", ())}
    markers = ("django_db", "skipif")
    return bool(DATABASE & fixtures) or any(map(item.get_closest_marker, markers))


def is_slow(item: pytest.Item) -> bool:
    """Return whether the test starts a program or a race, judged by its path, code and fixtures."""
    fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    functions = [getattr(item, "function", None), *(found[-1].func for found in fixtures.values())]
    return item.nodeid.startswith(PATHS) or any(map(starts_programs, functions))


@cache
def starts_programs(function: object) -> bool:
    """Return whether the function uses one of CALLS, itself or by functions of the tests."""
    seen: set[FunctionType] = set()
    following = [function]
    while following:
        found = following.pop()
        found = inspect.unwrap(found) if callable(found) else found
        if not isinstance(found, FunctionType) or found in seen:
            continue
        seen.add(found)
        used = [found.__globals__.get(name) for name in names_in(found.__code__)]
        if {*map(id, used)} & {*map(id, CALLS)}:
            return True
        following += [
            one for one in used if str(getattr(one, "__module__", "")).startswith("tests.")
        ]
    return False


def names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of globals in the code, and in the functions that it contains."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)
