"""The Python client and the running site: service accounts, the command, and the README."""

import io
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from latchkey_client import Refused, ServiceAccount, cli

from tests.support.processes import create_service, issuer
from tests.support.python_client import SOURCE
from tests.support.site import PASSWORD, Site
from tests.support.wheels import run

EXAMPLE = re.compile(r"```python\n(.+?)```", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    scopes = '{"orders:read": "Read orders."}'
    with issuer(tmp_path_factory.mktemp("site"), TOKEN_SCOPES=scopes) as site:
        yield site


def test_a_program_calls_the_site(site: Site) -> None:
    client_id, secret = create_service(site, "reports", scope="orders:read")
    service = ServiceAccount(site.url, client_id, secret, scope="orders:read")
    with httpx.Client(auth=service, base_url=site.url) as http:
        assert http.get("/api/example/").json()["user"] == client_id
        site.run("from tokens.models import ServiceAccount\nServiceAccount.objects.all().delete()")
        time.sleep(1.1)  # SNAPSHOT_INTERVAL
        with pytest.raises(Refused) as refused:
            http.get("/api/example/")
    assert refused.value.code == "invalid_client"


@pytest.mark.parametrize("scope", ["orders:read", ["orders:read"]], ids=["text", "list"])
def test_scopes_that_are_not_granted_are_refused(scope: Any, site: Site) -> None:
    client_id, secret = create_service(site, f"none-{type(scope).__name__}")
    with pytest.raises(Refused) as refused:
        ServiceAccount(site.url, client_id, secret, scope=scope).access_token()
    assert refused.value.code == "invalid_scope"


def test_the_examples_of_the_readme_work(site: Site, tmp_path: Path) -> None:
    client_id, secret = create_service(site, "readme", scope="orders:read")
    first, second = (
        code.replace("https://id.example.org", site.url)
        .replace("https://orders.example.org/orders", f"{site.url}/api/example/")
        .replace("https://orders.example.org", site.url)
        for code in re.findall(
            r"```python\n(.+?)```", (SOURCE / "README.md").read_text(), re.DOTALL
        )
    )
    program = [
        first.replace("api.get(", "answer = api.get("),
        "assert answer.status_code == 200",
        f"client_id, secret = {client_id!r}, {secret!r}",
        second.replace("httpx.Client(", "answer = httpx.Client("),
        "assert answer.json()['user'] == client_id",
    ]
    run(
        [sys.executable, "-c", "\n".join(program)],
        PYTHONPATH=str(SOURCE / "src"),
        HOME=str(tmp_path),
    )
    assert (tmp_path / ".local/state/example/session.json").exists()


def test_the_command_shows_the_account(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def latchkey(*words: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
        assert cli.main(["--store", str(tmp_path / "session.json"), *words]) == 0
        return capsys.readouterr().out

    latchkey("login", "--site", site.url, "--username", "bob", "--device", "Bob's laptop")
    assert "username: bob\nemail: bob@example.org\n" in latchkey("whoami")
    [current] = [line for line in latchkey("sessions").splitlines() if line.startswith("*")]
    assert "Bob's laptop" in current
    assert latchkey("token").count(".") == 2
    assert latchkey("logout") == "Signed out.\n"
    assert latchkey("logout") == "There is no session.\n"
