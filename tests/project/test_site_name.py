"""A site can have another name and another logo. Its own name then appears nowhere."""

import re
import subprocess
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.mail.letters import Mail, write
from accounts.models import User
from tests.accounts.pages.test_pages import CLOSED, OPEN, follow
from tests.conftest import Answer
from tests.support.people import Person, signed_in

pytestmark = pytest.mark.django_db

Run = Callable[..., subprocess.CompletedProcess[str]]

NAME, LOGO = "Acme <Accounts>", "admin/img/icon-yes.svg"
ADMIN_PAGES = ("", "accounts/user/", "accounts/user/add/", "tokens/blacklistedtoken/add/")


@pytest.fixture(autouse=True)
def renamed(settings: Settings) -> None:
    settings.SITE_NAME, settings.SITE_LOGO = NAME, LOGO


def assert_renamed(answer: Answer) -> None:
    assert "latchkey" not in answer.text.casefold()
    assert re.search(r"<title>\s*\S.* – Acme &lt;Accounts&gt;</title>", answer.text)
    assert f'<link rel="icon" href="/static/{LOGO}">' in answer.text


def test_pages_have_the_name_of_the_site(alice: User) -> None:
    User.objects.update(is_staff=True)
    for client in (Client(), signed_in(alice).client):
        for path in (*OPEN.values(), *CLOSED.values(), *follow(alice), "/nowhere/", "/api/docs/"):
            answer = client.get(path, follow=True)
            assert_renamed(answer)
            assert f'<img src="/static/{LOGO}" alt=""> Acme &lt;Accounts&gt;</a>' in answer.text
    assert_renamed(Person().sign_in("alice", "wrong"))


def test_the_admin_has_the_name_of_the_site(admin_client: Client) -> None:
    for path in ADMIN_PAGES:
        answer = admin_client.get(f"/admin/{path}")
        assert_renamed(answer)
        assert '<div id="site-name"><a href="/admin/">Acme &lt;Accounts&gt;</a>' in answer.text


@pytest.mark.parametrize("mail", Mail)
def test_mails_have_the_name_of_the_site(mail: Mail) -> None:
    message = write(mail, "alice@example.org", username="alice")
    ((page, _),) = message.alternatives
    assert "latchkey" not in f"{message.subject} {message.body} {page!s}".casefold()
    assert str(page).count("Acme &lt;Accounts&gt;") >= 2


PRINT = """
from django.conf import settings
print(settings.DEFAULT_FROM_EMAIL, settings.SPECTACULAR_SETTINGS["TITLE"])
"""


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("", "Latchkey <no-reply@id.example.org> Latchkey"),
        ("Acme", "Acme <no-reply@id.example.org> Acme"),
        ("Acme, Inc.", '"Acme, Inc." <no-reply@id.example.org> Acme, Inc.'),
    ],
)
def test_the_sender_of_mails_has_the_name_of_the_site(run: Run, name: str, printed: str) -> None:
    environment = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PUBLIC_URL": "https://id.example.org",
        "DEFAULT_FROM_EMAIL": "",
        "SITE_NAME": name,
    }
    shown = run("-c", PRINT, **environment)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip() == printed
