"""What people see when something is wrong: a page of ours that says what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from project import errors, urls
from tests.accounts.people import signed_in
from tests.project.conftest import Outage
from tokens import throttles

pytestmark = pytest.mark.django_db


def broken(request: HttpRequest) -> HttpResponse:
    """Fail as nobody has foreseen."""
    raise ZeroDivisionError


handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
urlpatterns = [path("broken/", broken), *urls.urlpatterns]


@pytest.fixture
def people_may_try_once(settings: Settings) -> Iterator[None]:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {"link": "1 per hour"}}
    throttles.OWN.storage.reset()
    yield
    throttles.OWN.storage.reset()


@pytest.mark.usefixtures("people_may_try_once")
def test_who_tries_too_often_is_told_in_words_and_in_seconds_when_to_come_again(
    client: Client,
) -> None:
    client.get("/accounts/email/confirm/")
    answer = client.get("/accounts/email/confirm/")
    assert answer.status_code == 429
    assert "<h1>Too many tries</h1>" in answer.text
    assert "Try again in 60 minutes." in answer.text
    assert 3590 < int(answer["Retry-After"]) <= 3600
    assert answer["Cache-Control"] == "no-store"


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
def test_a_time_to_wait_is_said_in_words_and_never_too_short(seconds: int, words: str) -> None:
    assert errors.in_words(seconds) == words


@pytest.mark.urls(__name__)
def test_a_mistake_of_ours_is_admitted_to_who_is_signed_in_without_the_database(
    alice: User, outage: Outage
) -> None:
    client = signed_in(alice).client
    client.raise_request_exception = False
    with outage():
        answer = client.get("/broken/")
    assert answer.status_code == 500
    assert "<h1>Something went wrong</h1>" in answer.text
    assert "ZeroDivisionError" not in answer.text


@pytest.mark.urls(__name__)
def test_a_mistake_of_ours_is_admitted_even_without_a_template(
    settings: Settings, tmp_path: Path
) -> None:
    settings.TEMPLATES = [{**site.TEMPLATES[0], "DIRS": [tmp_path]}]
    client = Client(raise_request_exception=False)
    answer = client.get("/broken/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/plain; charset=utf-8")
    assert answer.text == ("Something went wrong. Something went wrong here. It has been logged.")
    assert answer["Cache-Control"] == "no-store"


def test_who_is_signed_in_gets_the_page_of_an_error_without_a_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(alice).client
    with django_assert_num_queries(0):
        assert client.get("/nowhere/").status_code == 404


def test_every_page_of_an_error_has_a_title_a_way_out_and_its_status(rf: RequestFactory) -> None:
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
