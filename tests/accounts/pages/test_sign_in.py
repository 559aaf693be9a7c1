"""The sign-in page: people sign in, and continue to the requested page of this site."""

from urllib.parse import urlencode

import pytest
from django.conf import settings as site
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import NEW_HASH
from tests.conftest import PASSWORD
from tests.support.hashing import QuickArgon2idHasher
from tests.support.people import Person, newest, signed_in, without_csrf_token
from tokens.models import DeviceSession, Kind, Reason

pytestmark = pytest.mark.django_db

WRONG = "eight wet otters"


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.mark.parametrize("name", ["alice", "ALICE@example.org"])
def test_signing_in_by_name_or_email_opens_a_device_session(
    person: Person, alice: User, name: str
) -> None:
    answer = person.sign_in(name)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    session = newest(alice)
    assert (session.kind, session.ip_address) == (Kind.BROWSER, "127.0.0.1")
    assert "Firefox" in session.user_agent
    assert person.is_signed_in


@pytest.mark.parametrize(("remember", "lasts"), [({}, False), ({"remember": "on"}, True)])
def test_the_cookie_is_persistent_only_with_remember_me(
    person: Person, alice: User, remember: dict[str, str], *, lasts: bool
) -> None:
    person.sign_in(**remember)
    cookie = person.client.cookies[site.SESSION_COOKIE_NAME]
    assert bool(cookie["max-age"]) is lasts
    lifetime = newest(alice).expires_at - newest(alice).created_at
    assert (lifetime > site.BROWSER_LIFETIME) is lasts


@pytest.mark.spec("ASVS 5.0", "6.3.8")
def test_unknown_wrong_and_inactive_get_the_same_answer(
    person: Person, alice: User, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    tries = {"alice": WRONG, "bob": PASSWORD, "carol": PASSWORD}
    answers = [(person.sign_in(name, word), name) for name, word in tries.items()]
    assert {answer.status_code for answer, _ in answers} == {400}
    assert len({without_csrf_token(answer).replace(name, "…") for answer, name in answers}) == 1
    assert "No active account has this name and this password." in answers[0][0].text
    assert not DeviceSession.objects.exists()
    assert not person.is_signed_in


@pytest.mark.parametrize(
    "name", ["b" * 100_000, "bob\0", "\udcff"], ids=["100 kB", "NUL", "surrogate"]
)
def test_an_impossible_user_name_is_refused_like_any_other(person: Person, name: str) -> None:
    form = {"username": name.encode("utf-8", "surrogatepass"), "password": PASSWORD}
    body, kind = urlencode(form), "application/x-www-form-urlencoded"
    refused = person.client.post("/accounts/login/", body, content_type=kind)
    assert refused.status_code == 400
    assert "<title>Error: Sign in" in refused.text


def test_the_form_keeps_its_values_except_the_password(person: Person, alice: User) -> None:
    refused = person.sign_in("alice", WRONG, remember="on").text
    assert 'value="alice"' in refused
    assert "checked" in refused
    assert WRONG not in refused
    assert "<title>Error: Sign in" in refused


def test_the_error_summary_names_each_missing_field(person: Person) -> None:
    refused = person.post("login/").text
    for field, name in {"username": "User name or e-mail address", "password": "Password"}.items():
        assert f'<a href="#id_{field}">{name}: This field is required.</a>' in refused


LOCAL = ["/accounts/devices/", "/admin/?a=1&b=2", "/accounts/?next=//evil.example"]
FOREIGN = [
    "",
    "https://evil.example/",
    "devices",
    "%2e",
    "?next=/",
    "#",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "https:///evil.example",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "data:text/html,hello",
    "http://localhost:8000@evil.example/",
    "http://testserver/accounts/",
]


@pytest.mark.parametrize("target", LOCAL)
def test_signing_in_redirects_to_the_requested_page(
    person: Person, alice: User, target: str
) -> None:
    page = person.get("login/", next=target)
    assert f'value="{target.replace("&", "&amp;")}"' in page.text
    assert person.sign_in(next=target)["Location"] == target
    assert person.get("login/", next=target)["Location"] == target


@pytest.mark.spec("ASVS 5.0", "3.7.2")
@pytest.mark.parametrize("target", FOREIGN)
def test_signing_in_never_redirects_to_another_site(
    person: Person, alice: User, target: str
) -> None:
    assert 'name="next" value="/"' in person.get("login/", next=target).text
    assert person.sign_in(next=target)["Location"] == "/"
    assert person.get("login/", next=target)["Location"] == "/"
    assert person.post("logout/", next=target)["Location"] == "/accounts/logout/"


@pytest.mark.usefixtures("fresh_counters")
@pytest.mark.spec("ASVS 5.0", "6.3.1")
def test_guesses_are_throttled_together_with_the_api(
    person: Person, alice: User, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {"login_pair": "2 per 5 minutes"}}
    assert [person.sign_in("alice", WRONG).status_code for _ in range(2)] == [400, 400]
    refused = person.sign_in()
    assert refused.status_code == 429
    assert 240 < int(refused["Retry-After"]) <= 300
    assert "Try again in 5 minutes." in refused.text
    by_program = {"username": "Alice", "password": PASSWORD}
    api = Client().post("/api/auth/login/", by_program, content_type="application/json")
    assert api.status_code == 429
    assert not DeviceSession.objects.exists()


def test_signing_in_again_revokes_the_previous_session(alice: User) -> None:
    person = signed_in(alice)
    before = newest(alice)
    person.sign_in()
    before.refresh_from_db()
    assert before.revoked_reason == Reason.LOGOUT
    assert newest(alice) != before


class SlowHasher(QuickArgon2idHasher):
    """The tests' hasher. The stored password changes while it verifies."""

    def verify(self, password: str, encoded: str) -> bool:
        right = super().verify(password, encoded)
        User.objects.update(password=NEW_HASH)
        return right


def test_a_password_changed_during_verification_is_refused(
    person: Person, alice: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.SlowHasher"]
    refused = person.sign_in()
    assert refused.status_code == 400
    assert "No active account has this name and this password." in refused.text
    assert not person.is_signed_in
    assert not DeviceSession.objects.exists()


@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_signing_in_needs_a_csrf_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    form = {"username": "alice", "password": PASSWORD, "next": "/accounts/devices/"}
    refused = browser.post("/accounts/login/", form)
    assert refused.status_code == 403
    assert "This form is too old" in refused.text
    for url in ("/accounts/login/", "/accounts/login/?next=/accounts/devices/"):
        refused = browser.post(url, form)
        assert 'href="/accounts/login/?next=/accounts/devices/"' in refused.text
    assert not DeviceSession.objects.exists()
    browser.get("/accounts/login/")
    token = browser.cookies[site.CSRF_COOKIE_NAME].value
    evil = {"Origin": "https://evil.example"}
    with_token = {**form, "csrfmiddlewaretoken": token}
    assert browser.post("/accounts/login/", with_token, headers=evil).status_code == 403
    assert browser.post("/accounts/login/", with_token).status_code == 302


@pytest.mark.parametrize(
    ("target", "location"), [("/accounts/devices/", "/accounts/devices/"), ("//evil.example/", "/")]
)
def test_an_old_form_redirects_a_browser_that_is_signed_in(
    alice: User, target: str, location: str
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.get("/accounts/login/")
    old = browser.cookies[site.CSRF_COOKIE_NAME].value
    form = {"username": "alice", "password": PASSWORD, "next": target, "csrfmiddlewaretoken": old}
    assert browser.post("/accounts/login/", form)["Location"] == location
    session = newest(alice)
    second = browser.post("/accounts/login/", form, follow=True)
    assert [path for path, _ in second.redirect_chain][-1] == location
    assert second.status_code == 200
    assert newest(alice) == session
    evil = browser.post("/accounts/login/", form, headers={"Origin": "https://evil.example"})
    assert evil.status_code == 403
