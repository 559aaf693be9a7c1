"""The package @latchkey/client is small, complete and typed, and its examples work."""

import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.support import npm
from tests.support.origin import origin
from tests.support.servers import free_port
from tests.support.site import PASSWORD, ROOT, Site, latchkey

NODE = Path(__file__).resolve().parent / "node"
README, GUIDE = ROOT / "README.md", ROOT / "docs" / "browsers.md"
MAX_SIZE = 8_000  # bytes, compressed
MAX_LINES = 10
POLICY = "default-src 'none'; img-src data:; script-src 'self' {site}; connect-src {site}"
HEAD = """<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{policy}">"""
PLAIN = """<main><h1>Plain</h1><p></p><form hidden><label>User name <input name="user"></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button>
</form></main>
<script type="module" src="/app.js"></script></html>"""
REACT = (
    """<h1>React</h1><div id="root"></div><script type="module" src="/bundle.js"></script></html>"""
)
#: Prints the names that the module exports, and the properties of a client.
NAMES = """import * as module from "@latchkey/client";
const api = module.latchkey({ site: "https://id.example.org", transport: "body" });
console.log(JSON.stringify([Object.keys(module), Object.keys(api)]));"""

browser = pytest.mark.browser


def example(language: str, text: Path = README) -> str:
    """Return the code of the only example in this language."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", text.read_text(), re.DOTALL)
    return str(code)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the examples, with React, TypeScript, esbuild and our packed package."""
    folder = tmp_path_factory.mktemp("node")
    npm.install(NODE, folder)
    npm.install_client(folder)
    return folder


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[Site]:
    allowed = ",".join(f"http://localhost:{port}" for port in ports)
    with latchkey(tmp_path_factory.mktemp("site"), CORS_ORIGINS=allowed) as site:
        site.add_people("alice", "bob")
        yield site


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_module_is_under_8_kb_and_imports_nothing() -> None:
    module = (ROOT / "clients" / "browser" / "latchkey.js").read_bytes()
    assert len(gzip.compress(module)) < MAX_SIZE
    assert not re.search(rb"\bimport\b\s*[\"'({*]", module)


@pytest.mark.once
@pytest.mark.node
def test_the_package_has_its_files_and_no_dependencies(node: Path) -> None:
    package = node / "node_modules" / "@latchkey" / "client"
    assert {path.name for path in package.iterdir()} == {
        *("latchkey.js", "latchkey.d.ts", "package.json", "README.md")
    }
    described = json.loads((package / "package.json").read_text())
    assert (described["name"], described["license"]) == ("@latchkey/client", "MIT")
    assert not [name for name in described if "ependencies" in name]


@pytest.mark.once
@pytest.mark.node
def test_the_types_accept_and_refuse_the_right_calls(node: Path) -> None:
    """tsc also reports a line that is marked as an error, but is correct."""
    run(node, "npx", "--no-install", "tsc", "-p", ".")
    unmarked = (node / "examples.ts").read_text().replace("@ts-expect-error", "")
    (node / "wrong.ts").write_text(unmarked)
    config = (node / "tsconfig.json").read_text().replace("examples.ts", "wrong.ts")
    (node / "wrong.json").write_text(config)
    command = ["npx", "--no-install", "tsc", "-p", "wrong.json"]
    done = subprocess.run(command, cwd=node, capture_output=True, text=True, check=False)
    assert len(re.findall(r"wrong\.ts\(\d+,\d+\): error", done.stdout)) == 6, done.stdout


@pytest.mark.once
@pytest.mark.node
def test_the_types_name_what_the_module_has(node: Path) -> None:
    """Node runs the module as well, and ends although the client listens to other tabs."""
    exported, properties = json.loads(run(node, "node", "--input-type=module", "-e", NAMES))
    types = (ROOT / "clients" / "browser" / "latchkey.d.ts").read_text()
    assert {*exported} == {*re.findall(r"^export (?:class|function) (\w+)", types, re.MULTILINE)}
    client = re.findall(r"interface Latchkey .*?\n}", types, re.DOTALL)[0]
    methods = {*re.findall(r"^  (\w+)[(<]", client, re.MULTILINE)}
    assert methods - {"addEventListener", "removeEventListener"} == {*properties}


@pytest.mark.parametrize("language", ["js", "jsx"])
def test_the_examples_have_ten_lines_and_are_the_same(language: str) -> None:
    assert example(language) == example(language, GUIDE)
    assert len(example(language).splitlines()) <= MAX_LINES


def html(site: Site, body: str) -> str:
    """Return a page with a policy that allows the site, and scripts of the page's own origin."""
    return HEAD.format(policy=POLICY.format(site=site.url)) + body


def problems(person: Person, page: Page) -> list[str]:
    """Return what axe finds. The policy of the page also stops parts of axe."""
    complaints = len(person.complaints)
    found = Axe().run(page).response["violations"]
    del person.complaints[complaints:]
    return [one["help"] for one in found if one["impact"] in ("serious", "critical")]


def use(page: Page, greeting: str) -> None:
    """Sign in by the form of the page, see the greeting, and the form again after the sign-out."""
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(greeting)).to_be_visible()
    expect(page.get_by_label("Password")).to_be_hidden()


@browser
def test_the_plain_example_signs_in(person: Person, site: Site, ports: tuple[int, int]) -> None:
    code = example("js").replace("https://id.example.org", site.url)
    with origin("localhost", ports[0], {"": html(site, PLAIN), "app.js": code}) as url:
        page, other = person.page, person.context.new_page()
        for tab in (page, other):
            tab.goto(url)
            expect(tab.get_by_text("Please sign in")).to_be_visible()
        assert problems(person, page) == []
        page.get_by_label("User name").fill("alice")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("This field may not be blank.")).to_be_visible()
        use(page, "Hello, alice!")
        expect(other.get_by_text("Hello, alice!")).to_be_visible()


@browser
@pytest.mark.node
def test_the_react_example_signs_in_and_out(
    person: Person, site: Site, ports: tuple[int, int], node: Path
) -> None:
    code = example("jsx").replace("https://id.example.org", site.url)
    (node / "session.jsx").write_text(code)
    bundle = ["--bundle", "--format=esm", "--jsx=automatic", "--outfile=bundle.js"]
    run(node, "npx", "--no-install", "esbuild", "app.jsx", *bundle)
    files = {"": html(site, REACT), "bundle.js": (node / "bundle.js").read_text()}
    with origin("localhost", ports[1], files) as url:
        page, other = person.page, person.context.new_page()
        page.goto(url)
        use(page, "Signed in with React")
        assert problems(person, page) == []
        other.goto(url)
        other.get_by_role("button", name="Sign out").click()
        for tab in (page, other):
            expect(tab.get_by_label("Password")).to_be_visible()
