"""Every text that people read can be translated."""

import io
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.template.base import Lexer, TokenType
from django.test import Client
from pytest_django import Settings

from accounts.mail.letters import Mail, write
from accounts.models import User
from tests.accounts.pages.test_pages import CLOSED, OPEN, follow
from tests.conftest import PASSWORD
from tests.support.people import Person, signed_in

TEMPLATES = sorted(path for path in Path(site.BASE_DIR, "templates").rglob("*") if path.is_file())
SPOKEN = re.compile(
    r'\b(?:alt|title|placeholder|aria-label)="([^"]*)"|type="submit"[^>]*value="([^"]*)"'
)
#: Where text is marked for translation, and where it is the name of a class.
UNSPOKEN = re.compile("(end)?blocktrans|(end)?block bodyclass")
WORD = re.compile(r"[^\W\d_]{2,}")
#: Directories without texts of the site.
IGNORED = (".venv", "benchmarks", "clients", "requirements*.txt", "tests", "var")


def unmarked(source: str) -> list[str]:
    """Return the words of a template outside of `translate` and `blocktranslate`."""
    parts, is_marked = [], False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK and UNSPOKEN.match(token.contents):
            is_marked = not token.contents.startswith("end")
        parts.append(token.contents if token.token_type == TokenType.TEXT and not is_marked else "")
    text = "".join(parts)
    attributes = [value for pair in SPOKEN.findall(text) for value in pair]
    visible = re.sub(r"<style.*?</style>|<[^>]*>|&\w+;", " ", text, flags=re.DOTALL)
    return WORD.findall(" ".join([visible, *attributes]))


def test_the_check_of_templates_finds_every_kind_of_text() -> None:
    source = (
        '{% load i18n %}<p class="x">Ab {{ cd }}</p><img alt="Ef"><i title="{% translate "Gh" %}">'
    )
    source += (
        '<input type="submit" value="Ij">{% blocktranslate %}Kl {{ mn }}{% endblocktranslate %}'
    )
    assert unmarked(source) == ["Ab", "Ef", "Ij"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_text_of_a_template_is_marked(path: Path) -> None:
    assert unmarked(path.read_text()) == []


@pytest.fixture
def pseudo_language(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Collect the texts of the site and translate each into itself in brackets."""
    if not shutil.which("msgfilter"):
        pytest.skip("The gettext programs are not installed.")
    settings.LOCALE_PATHS = [tmp_path]
    monkeypatch.chdir(site.BASE_DIR)
    output = io.StringIO()
    call_command("makemessages", locale=["de"], ignore_patterns=[*IGNORED], stdout=output)
    assert output.getvalue() == "processing locale de\n"  # no warnings
    translate(tmp_path / "de" / "LC_MESSAGES")
    settings.LANGUAGE_CODE = "de"


def translate(directory: Path) -> None:
    text = (directory / "django.po").read_bytes()
    for command in (
        ["msgen", "-"],
        ["msgfilter", "--keep-header", "sed", "s/.*/⟦&⟧/"],
        ["msgfmt", "--check-format", "--output-file", str(directory / "django.mo"), "-"],
    ):
        text = subprocess.run(command, input=text, capture_output=True, check=True).stdout


def untranslated(text: str) -> set[str]:
    """Return the words of a page or a mail that are not in brackets."""
    text = unescape(re.sub(r"<[^>]*>", " ", text))
    while (shorter := re.sub("⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = shorter
    return {*WORD.findall(text)}


#: Names, addresses and what Django itself translates.
DATA = {
    *("Latchkey", "alice", "example", "org", "net", "http", "localhost", "Firefox", "Linux"),
    *("phone", "plain", "act", "accounts", "devices", "password", "reset", "change", "Tag"),
    *("Dieses", "Feld", "ist", "zwingend", "erforderlich"),  # the catalog of Django's forms
}


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.usefixtures("pseudo_language")
def test_every_page_and_mail_can_be_translated(alice: User) -> None:
    User.objects.update(is_staff=True)
    person = signed_in(alice)
    paths = (*OPEN.values(), *CLOSED.values(), *follow(alice), "/nowhere/")
    shown = [
        client.get(path, follow=True).text
        for client in (Person().client, person.client)
        for path in paths
    ]
    form = {"current_password": PASSWORD, "new_password": "nine dry badgers"}
    shown += [Person().sign_in("alice", "wrong").text, Person().post("login/").text]
    shown.append(person.client.post("/accounts/password/change/", form, follow=True).text)
    for mail in Mail:
        message = write(mail, "alice@example.org", username="alice", device="phone", act="act")
        shown += [f"{message.subject} {message.body}", str(message.alternatives[0][0])]
    assert "⟦Sign in⟧" in shown[0]
    found = set().union(*map(untranslated, shown)) - DATA
    assert found == set()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pseudo_language")
@pytest.mark.parametrize("path", ["/compare/race/", "/compare/theft/"])
def test_the_demonstrations_can_be_translated(client: Client, path: str) -> None:
    """Calls and names of settings are code, which is the same in every language."""
    shown = re.sub(r"<code>.*?</code>", " ", client.get(path).text, flags=re.DOTALL)
    assert untranslated(shown) == {"Latchkey"}
