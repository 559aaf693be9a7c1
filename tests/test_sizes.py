"""Modules and functions stay small. A module that grows is split by behaviour."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_MODULE = 300  # lines
MAX_FUNCTION = 40
#: A developer adds lines to these modules, so they have no limit.
EDITED = {"project/settings.py", "project/urls.py"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def shipped() -> Iterator[Path]:
    """Yield the shipped modules, as mypy has them in pyproject.toml. Migrations are generated."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for pattern in config["tool"]["mypy"]["files"]:
        for path in ROOT.glob(pattern):
            yield from (path,) if path.is_file() else path.rglob("*.py")


def modules() -> dict[str, str]:
    """Return the text of each module by its path."""
    paths = {path for path in shipped() if not {"migrations", "node_modules"} & {*path.parts}}
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(paths)}


def functions(text: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {path: text.count("\n") for path, text in modules().items() if path not in EDITED}
    assert len(lengths) > 250
    assert {path: lines for path, lines in lengths.items() if lines > MAX_MODULE} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    long = {
        f"{path}::{function.name}": length(function)
        for path, text in modules().items()
        for function in functions(text)
        if length(function) > MAX_FUNCTION
    }
    assert long == {}
