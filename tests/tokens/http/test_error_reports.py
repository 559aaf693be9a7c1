"""Reports of failed requests show the code, and no values of forms or variables."""

import logging
from collections.abc import Iterator

import pytest
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils.log import AdminEmailHandler
from pytest_django import Settings

from project import urls

MARK = "seven-dry-otters"


def broken(request: HttpRequest) -> HttpResponse:
    """Fail while a variable with an ordinary name contains a secret."""
    ordinary = request.POST["ordinary"][::-1]
    raise ZeroDivisionError(len(ordinary))


handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
urlpatterns = [path("broken/", broken), *urls.urlpatterns]


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.fixture
def mails_to_admins(settings: Settings) -> Iterator[None]:
    """Send Django's mail about each failed request."""
    settings.ADMINS = [("Ops", "ops@example.org")]
    handler = AdminEmailHandler(include_html=True)
    logging.getLogger("django.request").addHandler(handler)
    yield
    logging.getLogger("django.request").removeHandler(handler)


@pytest.mark.django_db
@pytest.mark.spec("ASVS 5.0", "16.2.5")
@pytest.mark.usefixtures("mails_to_admins")
def test_the_mail_to_admins_shows_no_values(client: Client) -> None:
    assert client.post("/broken/", {"ordinary": MARK}).status_code == 500
    [report] = mail.outbox
    assert isinstance(report, mail.EmailMultiAlternatives)
    html = str(report.alternatives[0][0])
    assert "ZeroDivisionError" in html
    assert "ordinary" in html
    for text in (html, report.body):
        assert MARK not in text
        assert MARK[::-1] not in text


@pytest.mark.django_db
def test_the_page_under_debug_shows_the_values(client: Client, settings: Settings) -> None:
    settings.DEBUG = True
    answer = client.post("/broken/", {"ordinary": MARK})
    shown = answer.content.decode()
    assert answer.status_code == 500
    assert MARK in shown
    assert MARK[::-1] in shown
