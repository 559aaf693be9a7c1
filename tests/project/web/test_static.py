"""Static files have names with their content's hash once they are collected, and work before."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from project.serving.serve import UNUSED

Run = Callable[..., subprocess.CompletedProcess[str]]

LOOK = """
import django, json
django.setup()
from django.test import Client
client = Client(headers={"Host": "localhost"})
page = client.get("/api/docs/").content.decode()
import re
found = {}
for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    found[address] = [answer.status_code, answer.headers.get("Cache-Control"),
                      answer.headers.get("Content-Encoding")]
    answer.close()
print(json.dumps(found))
"""


def look(run: Run, root: Path) -> dict[str, list[object]]:
    """Return the files that a page of the site loads, with their responses."""
    environment = {"DJANGO_SETTINGS_MODULE": "project.settings", "STATIC_ROOT": str(root)}
    shown = run("-c", LOOK, **environment)
    assert shown.returncode == 0, shown.stderr
    found: dict[str, list[object]] = json.loads(shown.stdout.splitlines()[-1])
    return found


def test_collected_files_have_hashed_names_and_are_cached(run: Run, tmp_path: Path) -> None:
    unused = [word for pattern in UNUSED for word in ("--ignore", pattern)]
    collected = run("manage.py", "collectstatic", "--no-input", *unused, STATIC_ROOT=str(tmp_path))
    assert collected.returncode == 0, collected.stderr
    found = look(run, tmp_path)
    assert len(found) == 6
    for address, (status, cached, coded) in found.items():
        assert re.search(r"\.[0-9a-f]{12}\.", address)
        assert (status, coded) == (200, None if address.endswith(".png") else "gzip")
        assert "immutable" in str(cached)


def test_files_that_are_not_collected_keep_their_names(run: Run, tmp_path: Path) -> None:
    found = look(run, tmp_path / "none")
    assert "/static/docs.js" in found
    assert {str(answer[0]) for answer in found.values()} == {"200"}
    assert not [answer for answer in found.values() if "immutable" in str(answer[1])]


@pytest.mark.parametrize("pattern", UNUSED)
def test_pages_use_no_files_that_are_not_collected(pattern: str) -> None:
    root = Path(__file__).parents[3]
    templates = [path.read_text() for path in root.glob("templates/**/*.html")]
    assert templates
    asked = re.compile(rf"""static\s+["'][^"']*\b{pattern}/""")
    assert not [text for text in templates if asked.search(text)]
    assert asked.search(f"{{% static 'x/{pattern}/y.js' %}}")
