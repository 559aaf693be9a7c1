"""docs/settings.md has every shipped setting, with the type and the default of the code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from pathlib import Path

import pytest

from project import throttles
from tests.project.test_documentation import ROOT, shipped_settings
from tokens.conf import TokenSettings

#: The types of the reference, by the method of `Environment` that reads the variable.
TYPES = {
    "text": ("text", "URL", "path", "rate"),
    "texts": ("list",),
    "mapping": ("JSON object",),
    "number": ("number",),
    "duration": ("seconds",),
    "switch": ("switch",),
    "choice": ("choice",),
    "origin": ("origin",),
}
UNITS = {"days": 86_400, "day": 86_400, "hours": 3600, "minutes": 60, "seconds": 1, "second": 1}


def rows(columns: int) -> dict[str, list[str]]:
    """Return the rows of the reference with so many columns, by the name in the first one."""
    lines = (ROOT / "docs/settings.md").read_text().splitlines()
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {
        cells[0]: cells[1:]
        for cells in split
        if len(cells) == columns and re.fullmatch(r"[A-Z][A-Z_]+", cells[0])
    }


VARIABLES = rows(4)
KEYS = rows(5)


def reads() -> Iterator[tuple[str, ast.Call]]:
    """Yield each name that project/settings.py reads, with the call."""
    for node in ast.walk(ast.parse((ROOT / "project/settings.py").read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("env")), args=[ast.Constant(name), *_]):
                yield str(name), node


READS = {name: call for name, call in reads() if name in VARIABLES}


def method(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return call.func.attr


def default(call: ast.Call) -> object:
    """Return the default if it is written as a value, and None otherwise."""
    named = [word.value for word in call.keywords if word.arg == "default"]
    given = (named or call.args[1:2] or [ast.Constant("")])[0]
    if method(call) == "duration":
        length: timedelta = eval(ast.unparse(given), {"timedelta": timedelta})  # noqa: S307
        return str(int(length.total_seconds()))
    if not isinstance(given, ast.Constant):
        return None
    if method(call) == "switch":
        return "on" if given.value else "off"
    return str(given.value)


def test_the_reference_and_the_example_have_the_same_names() -> None:
    example = (ROOT / ".env.example").read_text()
    assert {*VARIABLES} == {*re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)}
    assert {*VARIABLES} == shipped_settings()


def test_the_reference_finds_the_settings_in_the_code() -> None:
    read_elsewhere = {name for name in VARIABLES if name.startswith(("ADMIN_", "THROTTLE"))}
    assert READS.keys() == VARIABLES.keys() - read_elsewhere


@pytest.mark.parametrize("name", READS)
def test_a_setting_has_its_type_in_the_reference(name: str) -> None:
    kind, _, values = VARIABLES[name][0].partition(":")
    assert kind.partition(",")[0] in TYPES[method(READS[name])]
    if kind == "choice" and isinstance(READS[name].args[1], ast.Tuple):
        assert re.findall(r"`(\w+)`", values) == list(ast.literal_eval(READS[name].args[1]))


@pytest.mark.parametrize("name", [name for name in READS if method(READS[name]) == "number"])
def test_a_number_has_its_bounds_in_the_reference(name: str) -> None:
    bounds = {
        word.arg: ast.literal_eval(word.value)
        for word in READS[name].keywords
        if isinstance(word.value, ast.Constant)
    }
    shown = f"number, {bounds.get('least', 0)} to {bounds['most']}" if bounds else "number"
    assert VARIABLES[name][0] == shown


@pytest.mark.parametrize("name", [name for name in READS if default(READS[name]) is not None])
def test_a_setting_has_its_default_in_the_reference(name: str) -> None:
    shown = VARIABLES[name][1]
    expected = {"SECRET_KEY": "written into `.env` by `make serve`", "EMAIL_URL": "printed"}
    assert shown == expected.get(name, default(READS[name]))


@pytest.mark.parametrize("name", throttles.RATES)
def test_a_rate_is_in_the_reference(name: str) -> None:
    assert VARIABLES[f"THROTTLE_{name.upper()}"][:2] == ["rate", throttles.RATES[name]]


def readable(field: "Field[object]") -> str:
    """Return the default of a key as the reference writes it."""
    value = field.default_factory() if field.default is MISSING else field.default  # type: ignore[misc]  # one of the two is given
    match value:
        case timedelta():
            seconds = int(value.total_seconds())
            unit, size = next((unit, size) for unit, size in UNITS.items() if seconds >= size)
            amount = seconds // size
            return f"{amount} {unit.removesuffix('s') if amount == 1 else unit}"
        case bool():
            return "on" if value else "off"
        case str():
            return f"`{value}`" if value else ""
        case int():
            return str(value)
    return f"`{value}`"


@pytest.mark.parametrize("field", fields(TokenSettings), ids=lambda field: field.name)
def test_every_key_of_tokens_is_in_the_reference(field: "Field[object]") -> None:
    kind, shown, variable, _ = KEYS[field.name]
    type_name = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
    assert kind in (type_name, str(field.type), str(field.type).replace("collections.abc.", ""))
    assert shown == readable(field)
    assert variable == "THROTTLE_…" or variable in VARIABLES


def test_the_reference_has_no_other_key_of_tokens() -> None:
    assert KEYS.keys() == {field.name for field in fields(TokenSettings)}


def test_every_link_of_the_readme_leads_to_a_document() -> None:
    links = re.findall(r"\]\((docs/[\w.-]+)", (ROOT / "README.md").read_text())
    assert "docs/settings.md" in links
    assert [link for link in links if not Path(ROOT, link).exists()] == []
