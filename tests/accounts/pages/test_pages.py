"""Rules that hold for every page."""

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings as site
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from accounts.links import email_fingerprint, email_link, password_link
from accounts.models import User
from tests.conftest import PASSWORD
from tests.support.people import Person, signed_in

pytestmark = pytest.mark.django_db

OPEN = {
    "home": "/",
    "sign-in": "/accounts/login/",
    "sign-out": "/accounts/logout/",
    "forgotten": "/accounts/password/reset/",
    "link sent": "/accounts/password/reset/sent/",
    "chosen": "/accounts/password/chosen/",
    "confirmed": "/accounts/email/confirmed/",
    "deleted": "/accounts/deleted/",
}
CLOSED = {
    "account": "/accounts/",
    "activity": "/accounts/activity/",
    "devices": "/accounts/devices/",
    "end the others": "/accounts/devices/others/end/",
    "change the password": "/accounts/password/change/",
    "change the address": "/accounts/email/change/",
    "delete": "/accounts/delete/",
}
ONLY_SEEN = {
    *("/", "/accounts/password/reset/sent/", "/accounts/devices/", "/accounts/activity/"),
    *("/accounts/password/chosen/", "/accounts/email/confirmed/", "/accounts/deleted/"),
}
#: The pages that redirect signed-in users.
DONE = {"/accounts/password/chosen/", "/accounts/email/confirmed/", "/accounts/deleted/"}
LED_ON = {"/accounts/login/", *DONE}
LINKS = {"choose": "/accounts/password/choose/", "confirm": "/accounts/email/confirm/"}


class Outline(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def follow(alice: User) -> list[str]:
    """Return a valid link of each kind."""
    new = "alice@example.net"
    return [password_link(alice), email_link(alice, new, email_fingerprint(alice, new))]


@pytest.mark.parametrize("path", CLOSED.values(), ids=CLOSED)
def test_an_anonymous_request_leads_to_sign_in_and_back(path: str, alice: User) -> None:
    person = Person()
    for answer in (person.client.get(path), person.client.post(path)):
        if answer.status_code != 405:
            assert answer["Location"] == f"/accounts/login/?next={path}"
    assert person.sign_in(next=path)["Location"] == path


@pytest.mark.parametrize("path", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
def test_every_page_runs_at_most_four_queries(
    path: str, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        person = signed_in(alice)
    with django_assert_max_num_queries(4):
        answer = person.client.get(path)
    assert answer.status_code == (302 if path in LED_ON else 200)


@pytest.mark.parametrize("path", OPEN.values(), ids=OPEN)
def test_a_public_page_runs_no_query(
    path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(0):
        assert Client().get(path).status_code == 200


@pytest.mark.spec("ASVS 5.0", "14.3.2")
@pytest.mark.parametrize("path", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
def test_pages_are_not_cached_and_send_no_foreign_referrer(path: str, alice: User) -> None:
    for client in (Client(), signed_in(alice).client):
        answer = client.get(path)
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
def test_other_methods_are_not_allowed(path: str, alice: User) -> None:
    client = signed_in(alice).client
    methods = ["put", "patch", "delete", "options", *(["post"] if path in ONLY_SEEN else [])]
    assert {getattr(client, method)(path).status_code for method in methods} == {405}


@pytest.mark.spec("ASVS 5.0", "3.5.1")
@pytest.mark.parametrize(
    "path", sorted({*OPEN.values(), *CLOSED.values(), *LINKS.values()} - ONLY_SEEN)
)
def test_every_form_needs_a_csrf_token(path: str, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    if path != "/accounts/login/":  # The page redirects users who are already signed in.
        client.force_login(alice)
    assert client.post(path).status_code == 403


@pytest.mark.parametrize("signed", [False, True], ids=["stranger", "alice"])
def test_every_page_has_titles_labels_and_unique_ids(alice: User, *, signed: bool) -> None:
    client = signed_in(alice).client if signed else Client()
    paths = [*OPEN.values(), *CLOSED.values(), *follow(alice)]
    shown = [answer for path in paths if (answer := client.get(path)).status_code == 200]
    assert len(shown) >= len(OPEN) + 1
    for answer in shown:
        page = Outline(answer.text)
        assert [html["lang"] for html in page.all("html")] == ["en"]
        assert re.search(r"<title>.+ – Latchkey</title>", answer.text)
        assert len(page.all("h1")) == len(page.all("main")) == len(page.all("header")) == 1
        assert page.all("a")[0] == {"class": "skip", "href": "#content"}
        labelled = {label["for"] for label in page.all("label")}
        for field in page.all("input"):
            assert field.get("type") == "hidden" or "hidden" in field or field["id"] in labelled
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len({*ids})


def test_the_navigation_marks_the_current_page(alice: User) -> None:
    person = signed_in(alice)
    for path, name in {"devices/": "Devices", "": "Account"}.items():
        assert f'aria-current="page">{name}</a>' in person.get(path).text


def test_no_page_has_inline_code_or_loads_from_other_origins(
    alice: User,
) -> None:
    client = signed_in(alice).client
    refused = Person().sign_in("alice", "wrong")
    for answer in (*map(client.get, [*OPEN.values(), *CLOSED.values(), *follow(alice)]), refused):
        for tag, attributes in Outline(answer.text).elements:
            assert tag not in ("style", "base", "object", "iframe")
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            for name in ("src", "href", "action"):
                assert re.match(r"(/(?!/)|#)|$", attributes.get(name) or ""), attributes
            assert tag != "script" or attributes["src"]


@pytest.mark.parametrize("path", LINKS.values(), ids=LINKS)
def test_a_link_page_without_a_valid_token_says_so(path: str) -> None:
    for answer in (Client().get(path), Client().get(path, {"uid": "\0", "token": "é"})):
        assert answer.status_code == 400
        assert "This link is invalid or was used already." in answer.text


def test_opening_a_link_changes_nothing(alice: User) -> None:
    before = list(User.objects.values())
    for link in follow(alice):
        for _ in range(2):
            client = Client()
            assert client.get(link).status_code == 200
            assert client.head(link).status_code == 200
            assert site.SESSION_COOKIE_NAME not in client.cookies
    assert list(User.objects.values()) == before


def test_no_name_can_change_the_text_direction(alice: User) -> None:
    email = "alice@\u202egro.elpmaxe"
    alice.username, alice.first_name, alice.email = "אליס", "\u202eecila", email
    alice.save()
    person = signed_in(alice)
    link = email_link(alice, email, email_fingerprint(alice, email))
    shown = [person.client.get(path).text for path in [*CLOSED.values(), "/", link]]
    shown.append(person.client.get("/admin/login/").text)
    for name in (alice.username, alice.first_name, alice.email):
        isolated = [text.count(f"<bdi>{name}</bdi>") for text in shown]
        fields = [text.count(f'value="{name}"') for text in shown]
        assert sum(isolated) > 0
        assert [text.count(name) for text in shown] == list(
            map(sum, zip(isolated, fields, strict=True))
        )


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("login/", {"username": "alice", "password": "wrong"}),
        ("login/", {}),
        ("password/reset/", {"email": "alice"}),
        ("password/change/", {"current_password": "wrong", "new_password": "short"}),
        ("password/change/", {"current_password": PASSWORD, "new_password": "alice"}),
        ("password/change/", {}),
        ("email/change/", {"email": "alice", "current_password": ""}),
        ("", {"first_name": "a" * 151}),
    ],
)
def test_each_error_is_shown_once_and_described_by_its_field(
    alice: User, path: str, fields: dict[str, str]
) -> None:
    person = Person() if path in ("login/", "password/reset/") else signed_in(alice)
    answer = person.post(path, **fields)
    assert answer.status_code == 400
    ids = {attributes.get("id") for _, attributes in Outline(answer.text).elements}
    form = answer.context["form"]
    for name, messages in form.errors.items():
        link = f'<a href="#id_{name}">{form[name].label}'
        assert answer.text.count(link) == 1
        for message in messages:
            text = escape(message)
            item = f"{link}: {text}</a></li>" if len(messages) == 1 else f"<li>{text}</li>"
            assert answer.text.count(item) == 1
            others = [other for other, texts in form.errors.items() if message in texts]
            assert answer.text.count(escape(message)) == len(others)
        field = re.search(rf'<input[^>]*name="{name}"[^>]*>', answer.text)
        described = re.search(r'aria-describedby="([^"]+)"', field[0] if field else "")
        assert described
        assert f"id_{name}_error" in described[1].split()
        assert {*described[1].split()} <= ids
