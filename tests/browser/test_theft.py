"""A script that got into alice's page looks for a token: where cookies carry them it finds none."""

import re

import pytest

from tests.browser.conftest import Person
from tests.support.site import PASSWORD

pytestmark = pytest.mark.browser

TOKEN = re.compile(r"eyJ[\w-]{10,}")
SIGN_IN = """async (password) => {
  const {csrfToken} = await (await fetch("/api/auth/csrf/")).json();
  const post = (path, body) => fetch(path, {method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", "X-CSRFToken": csrfToken}});
  const answers = [
    await post("/api/auth/login/", {username: "alice", password, transport: "cookie"}),
    await post("/api/auth/refresh/", {}),
    await fetch("/api/auth/sessions/"),
    await fetch("/api/account/me/"),
  ];
  const told = [];
  for (const answer of answers) {
    told.push([answer.status, JSON.stringify([...answer.headers]), await answer.text()]);
  }
  return told;
}"""
SEARCH = """async () => {
  const found = [document.cookie, document.documentElement.outerHTML, location.href,
    JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}), window.name,
    JSON.stringify(performance.getEntries())];
  for (const name of await caches.keys()) found.push(name);
  for (const base of await indexedDB.databases()) found.push(JSON.stringify(base));
  if (window.cookieStore) found.push(JSON.stringify(await cookieStore.getAll()));
  return found;
}"""


@pytest.mark.spec("ASVS 5.0", "3.3.4")
def test_no_script_reads_a_token_or_the_cookie_of_a_session(person: Person) -> None:
    person.sign_in()
    told = person.page.evaluate(SIGN_IN, PASSWORD)
    assert [status for status, *_ in told] == [200] * 4
    found = [text for _, *texts in told for text in texts] + person.page.evaluate(SEARCH)
    cookies = {cookie["name"]: cookie for cookie in person.context.cookies()}
    assert {"access", "refresh", "sessionid"} <= cookies.keys()
    assert TOKEN.match(cookies["access"]["value"])
    for name in ("access", "refresh", "sessionid"):
        assert cookies[name]["httpOnly"]
        assert not [text for text in found if cookies[name]["value"] in text], name
    assert not [text for text in found if TOKEN.search(text)]
