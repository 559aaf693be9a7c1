"""The image and compose.yaml agree with the site. No test builds the image: it needs a network."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project.deploy.programs import DEPLOY, run
from tests.project.test_documentation import shipped_settings
from tests.support.servers import free_port
from tests.support.site import ROOT, latchkey

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
#: Files without which the site does not start, or a page fails.
NEEDED = ["manage.py", ".env.example", "clients/browser/latchkey.js", "static", "templates"]


def ignored(path: str) -> bool:
    """Return whether .dockerignore names the path or a directory above it."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return any(path == line or path.startswith(f"{line}/") for line in lines)


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


@pytest.mark.spec("ASVS 5.0", "13.3.1")
@pytest.mark.parametrize("path", [".env", ".git/config", "var/latchkey.sqlite3", "deploy/.env"])
def test_the_image_contains_no_secret(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize("path", NEEDED)
def test_the_image_contains_what_the_site_needs(path: str) -> None:
    assert (ROOT / path).exists()
    assert not ignored(path)


def test_the_containers_use_settings_that_exist() -> None:
    given = {name for service in services().values() for name in service.get("environment", {})}
    given = {name for name in given if not name.startswith("POSTGRES_")}
    given |= {*re.findall(r"^(?:ENV)?\s+([A-Z_]+)=", DOCKERFILE, re.MULTILINE)}
    assert given - shipped_settings() == {"PYTHONDONTWRITEBYTECODE"}


def test_the_site_has_no_rights_in_its_container() -> None:
    for name in ("site", "purgetokens"):
        service = services()[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert services()["site"]["ports"] == ["127.0.0.1:8000:8000"]
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001"]


def test_the_health_check_fails_without_a_site(tmp_path: Path) -> None:
    [written] = re.findall(r'^    (\["\.venv/bin/python", "-c".*\])$', DOCKERFILE, re.MULTILINE)
    check = [sys.executable, *json.loads(written)[1:]]
    with latchkey(tmp_path) as site:
        port = site.url.rpartition(":")[2]
        for given, status in ((port, 0), (str(free_port()), 1)):
            environment = {**os.environ, "PORT": given}
            done = subprocess.run(check, env=environment, capture_output=True, check=False)
            assert done.returncode == status


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    checked = run("hadolint", str(DEPLOY / "Dockerfile"))
    assert (checked.returncode, checked.stdout) == (0, "")
