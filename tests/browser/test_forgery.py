"""A page of another origin sends requests with alice's cookies, and all of them are refused."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.support.origin import origin
from tests.support.site import PASSWORD

pytestmark = pytest.mark.browser

#: Another port is another origin of the same site: the browser sends SameSite cookies from it.
HOSTS = {"the same site": "localhost", "another site": "127.0.0.1"}
FORM = """<!doctype html><html lang="en"><title>Win a prize</title><link rel="icon" href="data:,">
<form method="post" action="{action}">{fields}<button>Win</button></form></html>"""
FORMS = {
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
def test_a_form_on_another_origin_is_refused(person: Person, other: Person, host: str) -> None:
    other.sign_in()
    person.sign_in()
    for path, given in FORMS.values():
        fields = "".join(f'<input name="{name}" value="{value}">' for name, value in given.items())
        form = FORM.format(action=f"{person.site.url}{path}", fields=fields)
        with origin(host, 0, {"": form}) as url:
            person.page.goto(url)
            with person.page.expect_navigation() as answer:
                person.page.get_by_role("button").click()
        assert answer.value.status == 403, path
        expect(person.page.get_by_role("heading", level=1)).to_have_text("This form is too old")
    assert other.is_signed_in()
    assert person.is_signed_in()
    expect(person.page.get_by_text("This device", exact=True)).to_have_count(1)


TAKE = """async (site) => {
  const answers = [];
  for (const path of ["/accounts/devices/", "/api/auth/sessions/", "/api/auth/csrf/"]) {
    try {
      const answer = await fetch(site + path, {credentials: "include"});
      answers.push(await answer.text());
    } catch { answers.push("refused"); }
  }
  try {
    const answer = await fetch(site + "/api/auth/logout/others/", {method: "POST",
      credentials: "include", headers: {"Content-Type": "application/json"}, body: "{}"});
    answers.push(await answer.text());
  } catch { answers.push("refused"); }
  return answers;
}"""

FRAME = """(site) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.src = site + "/accounts/login/";
  frame.onload = done;
  document.body.append(frame);
})"""


@pytest.mark.spec("ASVS 5.0", "3.4.2", "3.4.6")
@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_script_of_another_origin_reads_and_frames_nothing(other: Person, host: str) -> None:
    other.sign_in()
    with origin(host, 0, {"": FORM.format(action="/", fields="")}) as url:
        other.page.goto(url)
        answers = other.page.evaluate(TAKE, other.site.url)
        other.page.evaluate(FRAME, other.site.url)
        framed = [frame.url for frame in other.page.frames]
    assert answers == ["refused"] * 4
    assert [url.startswith(other.site.url) for url in framed] == [False, False]
    assert other.is_signed_in()
