"""People who meet an error see a page of the site that says what to do."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings as site
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path, resolve
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from project import urls
from project.web import errors
from tests.conftest import PASSWORD
from tests.project.conftest import Outage
from tests.support.people import signed_in
from tokens.http import throttles

pytestmark = pytest.mark.django_db


def broken(request: HttpRequest) -> HttpResponse:
    """Raise an unexpected exception."""
    raise ZeroDivisionError


handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
urlpatterns = [path("broken/", broken), *urls.urlpatterns]


@pytest.fixture
def people_may_try_once(settings: Settings) -> Iterator[None]:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {"link": "1 per hour"}}
    throttles.LOCAL_COUNTERS.storage.reset()
    yield
    throttles.LOCAL_COUNTERS.storage.reset()


@pytest.mark.usefixtures("people_may_try_once")
def test_a_throttled_page_states_the_time_to_wait(
    client: Client,
) -> None:
    client.get("/accounts/email/confirm/")
    answer = client.get("/accounts/email/confirm/")
    assert answer.status_code == 429
    assert "<h1>Too many tries</h1>" in answer.text
    assert "Try again in 60 minutes." in answer.text
    assert 3590 < int(answer["Retry-After"]) <= 3600
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("people_may_try_once")
@pytest.mark.parametrize(
    ("page", "carried"),
    [
        ("/accounts/email/confirm/", {"token": "a-b"}),
        ("/accounts/password/choose/", {"uid": "a", "token": "b", "new_password": "c"}),
    ],
)
def test_a_throttled_link_page_links_back_to_itself(
    client: Client, page: str, carried: dict[str, str]
) -> None:
    client.get(page, carried)
    link = urlencode({name: carried[name] for name in carried if name != "new_password"})
    for answer in (client.get(f"{page}?{link}"), client.post(page, carried)):
        assert answer.status_code == 429
        assert f'href="{page}?{escape(link)}"' in answer.text
        assert 'href="/"' in answer.text


def test_a_failed_sign_in_links_back_with_its_next_page(alice: User, outage: Outage) -> None:
    form = {"username": "alice", "password": PASSWORD, "next": "/accounts/devices/"}
    with outage():
        answer = Client().post("/accounts/login/", form)
    assert answer.status_code == 503
    assert 'href="/accounts/login/?next=/accounts/devices/"' in answer.text
    assert PASSWORD not in answer.text


def test_a_pasted_token_is_in_no_url(rf: RequestFactory) -> None:
    request = rf.post("/admin/tokens/blacklistedtoken/add/", {"token": "secret", "next": "/"})
    request.resolver_match = resolve(request.path)
    assert errors.requested_url(request) == "/admin/tokens/blacklistedtoken/add/"


WORDS = {
    1: "1 second",
    2: "2 seconds",
    90: "90 seconds",
    91: "2 minutes",
    3600: "60 minutes",
    5401: "2 hours",
    86400: "24 hours",
}


@pytest.mark.parametrize(("seconds", "words"), WORDS.items())
def test_the_time_to_wait_is_in_words_and_rounded_up(seconds: int, words: str) -> None:
    assert errors.describe_wait(seconds) == words


@pytest.mark.urls(__name__)
def test_an_error_page_for_users_needs_no_database(alice: User, outage: Outage) -> None:
    client = signed_in(alice).client
    client.raise_request_exception = False
    with outage():
        answer = client.get("/broken/")
    assert answer.status_code == 500
    assert "<h1>Something went wrong</h1>" in answer.text
    assert "ZeroDivisionError" not in answer.text


@pytest.mark.urls(__name__)
def test_an_error_is_answered_even_without_a_template(settings: Settings, tmp_path: Path) -> None:
    settings.TEMPLATES = [{**site.TEMPLATES[0], "DIRS": [tmp_path]}]
    client = Client(raise_request_exception=False)
    answer = client.get("/broken/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/plain; charset=utf-8")
    assert answer.text == (
        "Something went wrong. The site could not answer. The error has been logged."
    )
    assert answer["Cache-Control"] == "no-store"


def test_an_error_page_for_users_runs_no_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(alice).client
    with django_assert_num_queries(0):
        assert client.get("/nowhere/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/auth/csrf/", "/oauth/token", "/.well-known/jwks.json"])
def test_the_answer_to_another_host_names_the_cause(client: Client, path: str) -> None:
    """A proxy that does not pass on the client's Host causes it."""
    answer = client.get(path, headers={"Host": "backend:8000"})
    assert answer.status_code == 400
    assert "The Host header of the request does not name this site." in answer.text


def test_every_error_page_has_a_title_a_link_and_its_status(rf: RequestFactory) -> None:
    request = rf.get("/nowhere/")
    pages = [
        errors.bad_request(request, DisallowedHost()),
        errors.forbidden(request, PermissionError()),
        errors.csrf_failed(request),
        errors.not_found(request, FileNotFoundError()),
        errors.too_many(request, 90),
        errors.server_error(request),
    ]
    assert [page.status_code for page in pages] == [400, 403, 403, 404, 429, 500]
    texts = [page.content.decode() for page in pages]
    for page, text in zip(pages, texts, strict=True):
        assert text.count("<h1>") == text.count("<main") == 1
        assert '<a class="button" href="/' in text
        assert f"Status {page.status_code}" in text
        assert page["Cache-Control"] == "no-store"
    assert len({text.partition("<h1>")[2].partition("</h1>")[0] for text in texts}) == 6
