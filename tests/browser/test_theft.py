"""An injected script in alice's page cannot read tokens that are stored in cookies."""

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
  const texts = [];
  for (const answer of answers) {
    texts.push([answer.status, JSON.stringify([...answer.headers]), await answer.text()]);
  }
  return texts;
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
def test_scripts_cannot_read_tokens_or_session_cookies(person: Person) -> None:
    person.sign_in()
    answers = person.page.evaluate(SIGN_IN, PASSWORD)
    assert [status for status, *_ in answers] == [200] * 4
    readable = [text for _, *texts in answers for text in texts] + person.page.evaluate(SEARCH)
    cookies = {cookie["name"]: cookie for cookie in person.context.cookies()}
    assert {"access", "refresh", "sessionid"} <= cookies.keys()
    assert TOKEN.match(cookies["access"]["value"])
    for name in ("access", "refresh", "sessionid"):
        assert cookies[name]["httpOnly"]
        assert not [text for text in readable if cookies[name]["value"] in text], name
    assert not [text for text in readable if TOKEN.search(text)]
