"""Pages trust their own origin only; the API trusts COOKIE_ORIGINS too, and has its own token."""

import re

import pytest
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.models import User
from tests.conftest import PASSWORD
from tests.support.browsing import App
from tokens.http import csrf
from tokens.http.errors import CsrfFailedError

pytestmark = pytest.mark.django_db

SITE = "https://id.example.org"
APP = "https://app.example.org"
SECURE = {"Host": "id.example.org", "X-Forwarded-Proto": "https"}
SECRET = "a" * 32
PAGE = "/accounts/"
#: The headers with the origin of a request, and whether pages and the API accept it.
SOURCES: dict[str, tuple[dict[str, str], bool, bool]] = {
    "this site": ({"Origin": SITE}, True, True),
    "an allowed origin": ({"Origin": APP}, False, True),
    "another origin": ({"Origin": "https://evil.example"}, False, False),
    "another origin of the same site": ({"Origin": "https://www.example.org"}, False, False),
    "an allowed origin's port": ({"Origin": f"{APP}:8443"}, False, False),
    "an allowed host by http": ({"Origin": "http://app.example.org"}, False, False),
    "this host by http": ({"Origin": "http://id.example.org"}, False, False),
    "below an allowed host": ({"Origin": "https://x.app.example.org"}, False, False),
    "a sandbox": ({"Origin": "null"}, False, False),
    "an unparsable origin": ({"Origin": "https://[x"}, False, False),
    "an empty origin": ({"Origin": ""}, False, False),
    "this site by Referer": ({"Referer": f"{SITE}/x"}, True, True),
    "an allowed origin by Referer": ({"Referer": f"{APP}/x"}, False, True),
    "another origin by Referer": ({"Referer": "https://evil.example/"}, False, False),
    "an allowed host by http Referer": ({"Referer": "http://app.example.org/"}, False, False),
    "a bad Origin and a good Referer": ({"Origin": "null", "Referer": f"{SITE}/"}, False, False),
    "neither": ({}, False, False),
}


@pytest.fixture
def public(settings: Settings) -> Settings:
    """Return the settings of a site at SITE that allows APP."""
    settings.ALLOWED_HOSTS = ["id.example.org"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.CSRF_TRUSTED_ORIGINS = [SITE]
    settings.TOKENS = {**settings.TOKENS, "PUBLIC_URL": SITE, "COOKIE_ORIGINS": (APP,)}
    return settings


@pytest.fixture
def browser(public: Settings, alice: User) -> Client:
    """A browser in which alice is signed in to the pages and, by cookie, to the API."""
    browser = Client(enforce_csrf_checks=True, headers=SECURE)
    browser.force_login(alice)
    app = App(browser)
    assert app.login(alice, Origin=SITE).status_code == 200
    return browser


def page_token(browser: Client) -> str:
    """Return the CSRF token in the form of the page that changes names."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(PAGE).text)
    assert found
    return found[1]


def api_token(browser: Client) -> str:
    return str(browser.get("/api/auth/csrf/").json()["csrfToken"])


def submit(browser: Client, token: str, **headers: str) -> bool:
    """Submit the form of the page; return whether it changed the name."""
    fields = {"first_name": "Mallory", "csrfmiddlewaretoken": token}
    answer = browser.post(PAGE, fields, headers=headers)
    assert answer.status_code in (302, 403)
    return was_renamed(answer.status_code == 302)


def call(browser: Client, token: str, **headers: str) -> bool:
    """Change the name by the API; return whether it did."""
    answer = App(browser, csrf=token).send(
        "patch", "account/me/", {"first_name": "Mallory"}, **headers
    )
    assert answer.status_code == 200 or answer.json()["code"] == "csrf_failed"
    return was_renamed(answer.status_code == 200)


def was_renamed(accepted: bool) -> bool:
    """Return whether alice has the new name, which the status must say as well."""
    renamed = User.objects.get().first_name == "Mallory"
    assert renamed is accepted
    return renamed


@pytest.mark.trap(93)
@pytest.mark.spec("ASVS 5.0", "3.5.1")
@pytest.mark.parametrize(("headers", "page", "api"), SOURCES.values(), ids=SOURCES)
def test_only_the_api_trusts_the_allowed_origins(
    browser: Client, headers: dict[str, str], *, page: bool, api: bool
) -> None:
    assert submit(browser, page_token(browser), **headers) is page
    User.objects.update(first_name="")
    assert call(browser, api_token(browser), **headers) is api


@pytest.mark.trap(93)
@pytest.mark.parametrize("source", [SITE, APP])
def test_a_token_of_the_api_is_refused_by_pages(browser: Client, source: str) -> None:
    token = api_token(browser)
    page_token(browser)
    assert not submit(browser, token, Origin=source)
    assert call(browser, token, Origin=source)


@pytest.mark.parametrize("source", [SITE, APP])
def test_a_token_of_a_page_is_refused_by_the_api(browser: Client, source: str) -> None:
    assert not call(browser, page_token(browser), Origin=source)


@pytest.mark.parametrize("source", [APP, "https://www.example.org"])
def test_a_planted_cookie_does_not_help_another_origin(browser: Client, source: str) -> None:
    """Without https a page on another port can set cookies of this host."""
    browser.cookies["csrftoken"] = SECRET
    assert not submit(browser, SECRET, Origin=source)
    browser.cookies["csrftoken"] = browser.cookies["api-csrftoken"].value
    assert not submit(browser, api_token(browser), Origin=source)


@pytest.mark.parametrize("planted", ["", "short", "a" * 31 + "-", "a" * 64, "ä" * 32, "a" * 5000])
def test_a_malformed_csrf_cookie_is_replaced(browser: Client, planted: str) -> None:
    browser.cookies["api-csrftoken"] = planted
    assert not call(browser, planted, Origin=SITE)
    token = api_token(browser)
    assert csrf.SECRET.fullmatch(browser.cookies["api-csrftoken"].value)
    assert call(browser, token, Origin=SITE)


def test_a_page_sign_in_keeps_the_api_csrf_token_valid(browser: Client) -> None:
    """An app in another tab continues to use its token."""
    token, page = api_token(browser), page_token(browser)
    form = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": page}
    assert browser.post("/accounts/login/", form, headers={"Origin": SITE}).status_code == 302
    assert not submit(browser, page, Origin=SITE)
    assert call(browser, token, Origin=SITE)


def test_no_other_check_makes_the_api_skip_its_own(public: Settings) -> None:
    """Django's middleware notes on a request that it has accepted it."""
    request = RequestFactory().post("/api/", headers=SECURE)
    vars(request)["csrf_processing_done"] = True
    with pytest.raises(CsrfFailedError):
        csrf.require(request)


def test_the_api_gives_no_token_for_the_secret_of_the_pages(public: Settings) -> None:
    request = RequestFactory().get("/api/auth/csrf/")
    request.META["CSRF_COOKIE"] = SECRET
    csrf.prepare(request)
    get_token(request)
    assert request.META["CSRF_COOKIE"] != SECRET


def test_the_api_does_not_trust_the_wildcards_of_pages(browser: Client, public: Settings) -> None:
    public.CSRF_TRUSTED_ORIGINS = ["https://*.example.org"]
    assert not call(browser, api_token(browser), Origin="https://www.example.org")
    assert submit(browser, page_token(browser), Origin="https://www.example.org")
