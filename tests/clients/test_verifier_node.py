"""The example in Node of docs/verifying.md accepts and refuses what the package does."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.processes import create_service, issuer, token_of_alice
from tests.support.servers import wait_until
from tests.support.site import ROOT, Site
from tests.tokens.keys.key_set import kid_of

[EXAMPLE] = re.findall(r"```js\n(.*?)```", (ROOT / "docs" / "verifying.md").read_text(), re.DOTALL)
NAMES = ("https://id.example.org", "https://orders.example.org")  # issuer and audience
ORDERS = "https://orders.example.org"

MINT_EXPIRED = """
from accounts.models import User
from tokens.sessions.lifecycle import Device, open_session
token = open_session(User.objects.get(username="alice"), Device(label="phone")).access
token["exp"] = token["iat"] - 11
print(token)
"""

pytestmark = pytest.mark.node


@dataclass
class Example:
    """The example, as a process that answers a line of JSON for each token."""

    process: "subprocess.Popen[str]"

    def __call__(self, token: str) -> dict[str, Any]:
        to, back = self._pipes()
        to.write(f"{token}\n")
        to.flush()
        answer: dict[str, Any] = json.loads(back.readline())
        return answer

    def status(self, token: str) -> int:
        """Return the status with which a service answers: 200, 401 or 503."""
        answer = self(token)
        return int(answer["status"]) if isinstance(answer.get("status"), int) else 200

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin
        assert self.process.stdout
        return self.process.stdin, self.process.stdout


@contextmanager
def running(folder: Path, *names: str) -> Iterator[Example]:
    """Run the example with this issuer and audience until the block ends."""
    text = EXAMPLE
    for written, name in zip(NAMES, names, strict=True):
        text = text.replace(f'"{written}"', json.dumps(name))
    (folder / "verifier.mjs").write_text(text)
    command = ["node", "example.mjs"]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield Example(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    audiences = {"TOKEN_AUDIENCE": f"https://id.example.org,{ORDERS}", "STATUS_LIST_MAX_AGE": "1"}
    with issuer(tmp_path_factory.mktemp("site"), **audiences) as site:
        yield site


@pytest.fixture(scope="module")
def example(site: Site, node: Path) -> Iterator[Example]:
    with running(node, site.url, ORDERS) as example:
        yield example


def sign_in(site: Site) -> dict[str, Any]:
    return site.login("alice", audience=ORDERS)


def test_the_example_has_twelve_lines(site: Site) -> None:
    _names, _, code = EXAMPLE.partition("\n\nconst read")
    assert len(code.splitlines()) == 12


def test_it_accepts_a_token_and_returns_the_claims(site: Site, example: Example) -> None:
    pair = sign_in(site)
    claims = example(pair["access"])
    assert (claims["sid"], claims["roles"]) == (pair["session"], ["shipping"])


def test_it_accepts_the_token_of_a_program(site: Site, example: Example) -> None:
    client_id, secret = create_service(site, "reports", audience=ORDERS)
    answer = httpx.post(
        f"{site.url}/oauth/token",
        data={"grant_type": "client_credentials", "resource": ORDERS},
        auth=(client_id, secret),
    ).json()
    assert example(answer["access_token"])["sub"] == client_id


def altered(token: str) -> str:
    head, claims, signature = token.split(".")
    return f"{head}.{claims[:-9]}{'A' if claims[-9] != 'A' else 'B'}{claims[-8:]}.{signature}"


def foreign(token: str) -> str:
    """Return the same token, signed by an attacker with everything except the key."""
    read = jwt.decode_complete(token, options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(read["payload"], key, algorithm="ES256", headers=read["header"])


def unsigned(token: str) -> str:
    read = jwt.decode_complete(token, options={"verify_signature": False})
    return jwt.encode(read["payload"], "", algorithm="none", headers={"typ": "at+jwt"})


def list_of(site: Site) -> str:
    claims = jwt.decode(sign_in(site)["access"], options={"verify_signature": False})
    return httpx.get(claims["status"]["status_list"]["uri"]).text


BAD: dict[str, Callable[[Site], str]] = {
    "altered": lambda site: altered(sign_in(site)["access"]),
    "of a foreign key": lambda site: foreign(sign_in(site)["access"]),
    "unsigned": lambda site: unsigned(sign_in(site)["access"]),
    "a refresh token": lambda site: sign_in(site)["refresh"],
    "a status list": list_of,
    "for another audience": lambda site: site.login("alice")["access"],
    "of another issuer": lambda site: token_of_alice(
        site, TOKEN_ISSUER="https://b.example", TOKEN_AUDIENCE=ORDERS
    ),
    "not text": lambda site: "garbage",
    "too long": lambda site: "a." * 9000,
    "nothing": lambda site: "",
}


@pytest.mark.spec("RFC 8725", "3.1", "3.8", "3.9", "3.11")
@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_it_refuses_a_bad_token(site: Site, example: Example, make: Callable[[Site], str]) -> None:
    assert example.status(make(site)) == 401


def test_it_refuses_an_expired_token(site: Site, example: Example) -> None:
    """The token is one second older than the tolerance."""
    assert example.status(site.run(MINT_EXPIRED, TOKEN_AUDIENCE=ORDERS)) == 401


@pytest.mark.spec("ASVS 5.0", "7.4.1")
def test_it_refuses_a_revoked_session_in_time(site: Site, example: Example) -> None:
    """One second until the list changes, five until it is fetched again; the rest is a margin."""
    phone, laptop = sign_in(site), sign_in(site)
    assert [example.status(pair["access"]) for pair in (phone, laptop)] == [200, 200]
    site.logout(phone)
    wait_until(lambda: example.status(phone["access"]) == 401, seconds=9)
    assert example.status(laptop["access"]) == 200


def test_it_accepts_a_new_key_within_ten_seconds(node: Path, tmp_path: Path) -> None:
    """The site replaces all keys, so it has not published the new one before. Jose waits 30 s."""
    settings = {"TOKEN_AUDIENCE": f"https://id.example.org,{ORDERS}"}
    with issuer(tmp_path, **settings) as site, running(node, site.url, ORDERS) as example:
        old = sign_in(site)["access"]
        assert example.status(old) == 200
        site.run("from tokens.keys.lifecycle import replace_all; replace_all()")
        wait_until(lambda: kid_of(sign_in(site)["access"]) != kid_of(old), seconds=5)
        new = sign_in(site)["access"]
        wait_until(lambda: example.status(new) == 200, seconds=11)
        assert example.status(old) == 401


def test_it_answers_503_without_a_list(node: Path, tmp_path: Path) -> None:
    settings = {"TOKEN_AUDIENCE": f"https://id.example.org,{ORDERS}"}
    with issuer(tmp_path, **settings) as site, running(node, site.url, ORDERS) as example:
        token, garbage = sign_in(site)["access"], "garbage"
        assert example.status(token) == 200
        site.stop()
        wait_until(lambda: example.status(token) != 200, seconds=10)
        assert (example.status(token), example.status(garbage)) == (503, 401)
