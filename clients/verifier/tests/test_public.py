"""A public path is compared as a whole, and one that ends with "/" includes the paths below it."""

from typing import Any

import pytest
from latchkey_verifier.bearer import PublicPaths

PATHS = PublicPaths(["/", "/healthz", "/files/"])

INCLUDED = ["/", "/healthz", "/files/", "/files/a", "/files/a/b/", "/files/..a", "/files/größe"]
EXCLUDED = {
    "another path": "/orders",
    "a path below a whole path": "/healthz/x",
    "a slash after a whole path": "/healthz/",
    "a longer word": "/healthzz",
    "the prefix without its slash": "/files",
    "a longer word than the prefix": "/files2/a",
    "capital letters": "/Files/a",
    "up": "/files/../orders",
    "up at the end": "/files/..",
    "here": "/files/./a",
    "up, with backslashes": "/files/..\\orders",
    "an empty segment": "/files//orders",
    "two slashes first": "//files/a",
    "up, encoded twice": "/files/%2e%2e/orders",
    "a slash, encoded twice": "/files/..%2Forders",
    "nothing": "",
}


@pytest.mark.parametrize("path", INCLUDED)
def test_these_paths_are_public(path: str) -> None:
    assert path in PATHS


@pytest.mark.parametrize("path", EXCLUDED.values(), ids=EXCLUDED)
def test_these_paths_are_not_public(path: str) -> None:
    assert path not in PATHS


@pytest.mark.parametrize(
    "paths", ["/healthz", ["healthz"], [""]], ids=["a text", "a name", "nothing"]
)
def test_what_is_no_list_of_paths_is_an_error(paths: Any) -> None:
    with pytest.raises(ValueError, match="list of paths"):
        PublicPaths(paths)
