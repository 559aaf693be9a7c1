"""A page from elsewhere asks in alice's name, with all her cookies that go with it: in vain."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.support.origin import origin
from tests.support.site import PASSWORD

pytestmark = pytest.mark.browser

#: Another port is another origin of the same site: SameSite cookies go there, and do not help.
HOSTS = {"the same site": "localhost", "another site": "127.0.0.1"}
FORM = """<!doctype html><html lang="en"><title>Win a prize</title><link rel="icon" href="data:,">
<form method="post" action="{action}">{fields}<button>Win</button></form></html>"""
ASKED = {
    "sign-out": ("/accounts/logout/", {}),
    "the others": ("/accounts/devices/others/end/", {}),
    "password": (
        "/accounts/password/change/",
        {"current_password": PASSWORD, "new_password": "nine dry badgers"},
    ),
    "deletion": ("/accounts/delete/", {"current_password": PASSWORD}),
    "sign-in": ("/accounts/login/", {"username": "bob", "password": PASSWORD}),
}


@pytest.mark.spec("ASVS 5.0", "3.5.1")
@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_form_from_elsewhere_is_refused(person: Person, somebody: Person, host: str) -> None:
    somebody.sign_in()
    person.sign_in()
    for path, given in ASKED.values():
        fields = "".join(f'<input name="{name}" value="{value}">' for name, value in given.items())
        form = FORM.format(action=f"{person.site.url}{path}", fields=fields)
        with origin(host, 0, {"": form}) as elsewhere:
            person.page.goto(elsewhere)
            with person.page.expect_navigation() as answer:
                person.page.get_by_role("button").click()
        assert answer.value.status == 403, path
        expect(person.page.get_by_role("heading", level=1)).to_have_text("This form is too old")
    assert somebody.is_signed_in()
    assert person.is_signed_in()
    expect(person.page.get_by_text("This device", exact=True)).to_have_count(1)


TAKE = """async (site) => {
  const told = [];
  for (const path of ["/accounts/devices/", "/api/auth/sessions/", "/api/auth/csrf/"]) {
    try {
      const answer = await fetch(site + path, {credentials: "include"});
      told.push(await answer.text());
    } catch { told.push("refused"); }
  }
  try {
    const answer = await fetch(site + "/api/auth/logout/others/", {method: "POST",
      credentials: "include", headers: {"Content-Type": "application/json"}, body: "{}"});
    told.push(await answer.text());
  } catch { told.push("refused"); }
  return told;
}"""

FRAME = """(site) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.src = site + "/accounts/login/";
  frame.onload = done;
  document.body.append(frame);
})"""


@pytest.mark.spec("ASVS 5.0", "3.4.2", "3.4.6")
@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_script_from_elsewhere_reads_nothing_and_frames_nothing(
    somebody: Person, host: str
) -> None:
    somebody.sign_in()
    with origin(host, 0, {"": FORM.format(action="/", fields="")}) as elsewhere:
        somebody.page.goto(elsewhere)
        told = somebody.page.evaluate(TAKE, somebody.site.url)
        somebody.page.evaluate(FRAME, somebody.site.url)
        framed = [frame.url for frame in somebody.page.frames]
    assert told == ["refused"] * 4
    assert [url.startswith(somebody.site.url) for url in framed] == [False, False]
    assert somebody.is_signed_in()
